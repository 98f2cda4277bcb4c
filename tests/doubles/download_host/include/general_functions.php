<?php

/*
 * A small stand-in for the DAM: what its download page and our plugin call, behaving as there.
 * tests/live/test_gate.py holds it to the real one.
 */

function getval($param, $default, $force_numeric = false)
{
    foreach ([$_POST, $_GET, $_COOKIE] as $given) {
        if (array_key_exists($param, $given)) {
            return ($force_numeric ? is_numeric($given[$param]) : is_string($given[$param])) ? $given[$param] : $default;
        }
    }

    return $default;
}

/** The page's name comes from the request, as there. */
function pagename()
{
    $name = safe_file_name(getval('pagename', ''));

    return $name !== '' ? $name : basename($_SERVER['PHP_SELF']);
}

function safe_file_name($name)
{
    return preg_replace('/[^A-Za-z0-9_\-]/', '', str_replace(' ', '_', (string) $name));
}

function hook($name, $pagename = '', $params = [])
{
    $page = $pagename === '' ? $GLOBALS['pagename'] : $pagename;
    $value = false;
    foreach ($GLOBALS['plugins'] as $plugin) {
        foreach (['All', ucfirst($page)] as $where) {
            $function = 'Hook' . ucfirst($plugin) . $where . ucfirst($name);
            if (function_exists($function)) {
                $said = $function(...$params);
                $value = $said === null ? $value : $said;
                break;
            }
        }
    }

    return $value;
}

function generateURL($url, $params = [])
{
    return $url . ($params === [] ? '' : '?' . http_build_query($params));
}

function redirect($url)
{
    header('Location: ' . $url);
    exit();
}

function escape($text)
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

function debug($text)
{
}

function checkperm($permission)
{
    return in_array($permission, $GLOBALS['userpermissions'], true);
}

function get_resource_access($ref)
{
    $photo = $GLOBALS['store']['photos'][(int) $ref] ?? null;
    if ($photo === null) {
        return 99;
    }

    return in_array('v', $GLOBALS['userpermissions'], true) ? 0 : (int) ($photo['access'] ?? 0);
}

function get_edit_access($ref)
{
    return checkperm('a');
}

function collection_readable($collection)
{
    return true;
}

function check_access_key($ref, $k)
{
    return in_array((int) $ref, $GLOBALS['store']['shares'][$k] ?? [], true);
}

function check_access_key_collection($collection, $k)
{
    return isset($GLOBALS['store']['shares'][$k]);
}

/** An address that the API gave: who asked for it, which resource and size. */
function validate_temp_download_key($ref, $key, $size)
{
    [$user, $for, $of] = array_pad(explode(':', (string) base64_decode($key)), 3, '');
    if ((int) $for !== (int) $ref || $of !== $size || !isset($GLOBALS['store']['users'][$user])) {
        return false;
    }
    setup_user($user);

    return true;
}

function setup_user($name)
{
    $GLOBALS['username'] = $name;
    $GLOBALS['userref'] = $GLOBALS['store']['users'][$name]['ref'];
    $GLOBALS['userpermissions'] = $GLOBALS['store']['users'][$name]['permissions'];
}

function is_authenticated()
{
    return !empty($GLOBALS['is_authenticated']);
}

function isValidCSRFToken($token, $session)
{
    return hash_equals("token-$session", (string) $token);
}

function generateFormToken($form)
{
    echo '<input type="hidden" name="CSRFToken" value="' . escape('token-' . $GLOBALS['usersession']) . '">';
}

function get_temp_dir($as_url = false, $unique = '')
{
    $folder = $GLOBALS['storagedir'] . '/tmp' . ($unique === '' ? '' : '/' . md5($unique));
    is_dir($folder) || mkdir($folder, 0777, true);

    return $folder;
}

function get_resource_path($ref, $path, $size = '', $generate = true, $extension = 'jpg', $scramble = true, $page = 1, $marked = false, $modified = '', $alternative = -1)
{
    $size = safe_file_name($size);
    $extension = safe_file_name($extension) ?: 'jpg';
    $folder = $GLOBALS['storagedir'] . '/' . implode('/', str_split((string) $ref)) . '_' . substr(md5($ref . '_key'), 0, 15) . '/';
    $name = $ref . $size . ($page == 1 ? '' : "_$page") . ($marked ? '_wm' : '') . ($alternative > 0 ? "_alt_$alternative" : '');

    return $folder . $name . '_' . substr(md5($name . '_key'), 0, 15) . ".$extension";
}

function get_plugin_config($name)
{
    return [];
}

function set_plugin_config($name, $config)
{
}
