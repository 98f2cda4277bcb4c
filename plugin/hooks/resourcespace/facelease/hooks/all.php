<?php

// A copy that is not whole stands still: no page of the DAM may break for it.
try {
    if (is_file(__DIR__ . '/../include/whole.php') && is_file(__DIR__ . '/../include/all.php')) {
        include_once __DIR__ . '/../include/all.php';
    }
} catch (ParseError $broken) {
    debug('facelease: ' . $broken->getMessage());
}
if (!function_exists('facelease_is_whole')) {
    $GLOBALS['plugins'] = array_map(static fn($one) => $one === 'facelease' ? 'facelease-not-whole' : $one, $GLOBALS['plugins'] ?? []);
    // What tells a preview from a download is missing too: where downloads have rules no file goes.
    if (
        !empty($GLOBALS['download_usage']) && array_diff((array) ($GLOBALS['facelease_rules'] ?? []), ['off']) !== []
        && in_array(basename((string) ($_SERVER['SCRIPT_FILENAME'] ?? '')), ['download.php', 'collection_download.php'], true)
    ) {
        http_response_code(503);
        echo 'FaceLease: the copy of the plugin is not whole; no file goes out before it is.';
        exit();
    }
} elseif (!facelease_is_whole()) {
    facelease_stand_still();
}

/** Every line of the resource log comes by here before it is written; we note it and change nothing. */
function HookFaceleaseAllModifylognotes($notes, $type, $resource)
{
    $event = FACELEASE_LOG[(string) $type] ?? null;
    if ($event !== null) {
        facelease_note($event, (int) $resource);
    }

    return null;
}

/** The parameters bear the DAM's own names: it passes them by name. */
function HookFaceleaseAllAddtocollectionsuccess($resourceId, $collectionId)
{
    facelease_note('resource.metadata', (int) $resourceId);
    facelease_note('collection.changed', (int) $collectionId);

    return null;
}

function HookFaceleaseAllRemovefromcollectionsuccess($resourceId, $collectionId)
{
    return HookFaceleaseAllAddtocollectionsuccess($resourceId, $collectionId);
}

/** Previews may be made long after the upload, by a job; only those of the main file matter. */
function HookFaceleaseAllAfterpreviewcreation($ref, $alternative = -1, $generateall = false)
{
    if ((int) $alternative === -1) {
        facelease_note('resource.replaced', (int) $ref);
    }

    return null;
}

/** Names in an uploaded file stay out of the people field, unless the set-up page lets them in. */
function HookFaceleaseAllBeforeexiftoolextraction()
{
    facelease_quietly(static fn() => facelease_keep_names_out());

    return null;
}

/** Where they came in all the same, the photograph is noted. The parameters bear the DAM's own names. */
function HookFaceleaseAllMetadata_extract_addition($ref, $newval, $read_from, $i)
{
    facelease_quietly(static fn() => facelease_note_embedded((int) $ref, (int) ($read_from[$i]['ref'] ?? 0)));

    return null;
}

/** What was not delivered at once is sent again; clearances whose day is over are blanked. */
function HookFaceleaseAllCron()
{
    facelease_quietly(static function (): void {
        facelease_end_orphans();
        $blanked = facelease_blank_past_days(5000);
        $dropped = facelease_drop_old(30);
        facelease_note_changed_rights();
        $sent = facelease_deliver(50.0);
        facelease_tell_deliveries(20.0);
        facelease_check_gate();
        facelease_set_state(['cron_at' => time()]);
        logScript("FaceLease: $sent events delivered, $dropped dropped, $blanked clearances blanked");
    });
}

/** "Face recognition" in a collection's menu, for those who may decide about it. */
function HookFaceleaseAllRender_actions_add_collection_option($top_actions, array $options, array $collection_data)
{
    // Taken first: any call of hook() below would unset what other plugins have returned.
    if (is_array($GLOBALS['hook_return_value'] ?? null)) {
        $options = $GLOBALS['hook_return_value'];
    }
    $collection = (int) ($collection_data['ref'] ?? 0);
    if ($collection > 0 && facelease_may_set_mode($collection)) {
        $options[] = [
            'value' => 'facelease_collection',
            'label' => facelease_word('menu'),
            'data_attr' => [
                'url' => generateURL($GLOBALS['baseurl_short'] . 'plugins/facelease/pages/collection.php', [
                    'collection' => $collection,
                ]),
            ],
            'category' => ACTIONGROUP_COLLECTION,
        ];
    }

    if ($collection > 0 && facelease_may_enter() && collection_readable($collection)) {
        $options[] = [
            'value' => 'facelease_review',
            'label' => facelease_word('menu_review'),
            'data_attr' => [
                'url' => generateURL($GLOBALS['baseurl_short'] . 'plugins/facelease/pages/console.php', [
                    'to' => 'review',
                    'collection' => $collection,
                ]),
            ],
            'category' => ACTIONGROUP_COLLECTION,
        ];
    }

    return $options;
}

/** The panel's few lines of script, once a page. */
function HookFaceleaseAllAdditionalheaderjs()
{
    $url = $GLOBALS['baseurl_short'] . 'plugins/facelease/js/panel.js?v=' . urlencode((string) $GLOBALS['css_reload_key']);
    echo '<script src="' . escape($url) . '"></script>';
}

/*
 * Downloads. These are for all pages: the DAM takes the name of its page from the request, and whoever asks for
 * pages/download.php could have it called something else.
 */

/** The DAM has said which file it will send. */
function HookFaceleaseAllModifydownloadpath()
{
    facelease_remember_path();

    return null;
}

/** Just before a file is sent; the DAM calls this of each file of an archive too, and then names the resource. */
function HookFaceleaseAllModifydownloadfile($resource = null)
{
    if ($resource === null) {
        facelease_before_sending();
    } elseif (is_array($resource) && isset($GLOBALS['facelease_archive'])) {
        $GLOBALS['facelease_archive']['sent'][] = (int) ($resource['ref'] ?? 0);
    }

    return null;
}

/** The photographs of a collection's archive, less those that may not go out for what it is wanted for. */
function HookFaceleaseAllModifycollectiondownload()
{
    return facelease_archive_of($GLOBALS['result'] ?? null);
}

/** Each file of an archive, also of one that a job makes later. */
function HookFaceleaseAllReplacedownloadfile($resource)
{
    return facelease_file_for_archive((int) ($resource['ref'] ?? 0));
}

/** Before the archive is made: how many stay out, or are not cleared. */
function HookFaceleaseAllCollectiondownloadmessage()
{
    facelease_archive_message();

    return null;
}

/** The archive's text file is about to be written. The DAM's own note follows ours. */
function HookFaceleaseAllZippedcollectiontextfile()
{
    facelease_archive_note();

    return false;
}

/** What that file says of each photograph; the DAM passes eight things, the fourth is the resource. */
function HookFaceleaseAllReplacecollectiontext($text, $size, $filename, $ref)
{
    return facelease_archive_line((int) $ref);
}
