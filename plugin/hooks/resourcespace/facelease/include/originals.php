<?php

/**
 * The file of a resource: which content it has now, and the file itself for whoever examines it.
 */

include_once __DIR__ . '/downloads.php';

/** Files that FaceLease opens itself; of any other kind of picture it sees the preview alone. */
const FACELEASE_OPENED = [
    'apng', 'avif', 'avifs', 'bmp', 'btf', 'dib', 'gif', 'heic', 'heics', 'heif', 'heifs', 'hif', 'insp', 'jfi', 'jfif',
    'jif', 'jpe', 'jpeg', 'jpg', 'mpo', 'png', 'tif', 'tiff', 'webp',
];

/** What is larger is never handed out, and not read: so many bytes are more than FaceLease takes. */
const FACELEASE_LARGEST = 1 << 30;

/** Where the file lies; null where it does not lie on this machine. */
function facelease_original_path(array $row): ?string
{
    $extension = (string) $row['file_extension'];
    $path = $extension === '' ? '' : get_resource_path((int) $row['ref'], true, '', false, $extension);

    return $path !== '' && is_file($path) && is_readable($path) ? $path : null;
}

/** May the one who asks have the file itself? Not where their download would be asked about: this one is not counted. */
function facelease_hands_out(array $row): bool
{
    $path = facelease_original_path($row);
    $opened = in_array(strtolower((string) $row['file_extension']), FACELEASE_OPENED, true);

    return $path !== null && $opened && filesize($path) <= FACELEASE_LARGEST && !facelease_gate_is_on();
}

/** How large its picture is, 0 and 0 where nobody can measure it; and how many bytes it has, 0 where they are not handed out. */
function facelease_original(array $row): ?array
{
    $path = facelease_original_path($row);
    if ($path === null) {
        return null;
    }
    $measured = false;
    facelease_quietly(static function () use ($path, &$measured): void {
        $measured = getimagesize($path);
    });
    if ($measured === false || $measured[0] < 1) {
        $rows = ps_query('SELECT width, height FROM resource_dimensions WHERE resource = ?', ['i', (int) $row['ref']], '', -1, true, 0);
        $measured = [$rows[0]['width'] ?? 0, $rows[0]['height'] ?? 0];
    }

    return ['width' => (int) $measured[0], 'height' => (int) $measured[1], 'bytes' => facelease_hands_out($row) ? (int) filesize($path) : 0];
}

/** By how many degrees, counter-clockwise, the previews were turned against the file: only previews are ever turned. */
function facelease_turned(array $row): int
{
    $angle = (int) explode('|', (string) $row['preview_tweaks'])[0];

    return $angle % 90 === 0 ? (($angle % 360) + 360) % 360 : 0;
}

/** What the DAM's own row says of the file. A checksum that a job of its own computes later would look like another one. */
function facelease_row_version(array $row): string
{
    $later = !empty($GLOBALS['file_checksums_offline']);

    return substr(hash('sha256', implode('|', [
        $row['file_modified'], $row['file_size'], $row['preview_tweaks'], $later ? '' : $row['file_checksum'],
    ])), 0, 32);
}

/**
 * Changes with the content of the file and with the turning of its previews, and with nothing else.
 *
 * A file that is examined itself is read where the file system says that it may be another one, and always with
 * `$afresh`: what was read is kept. One that was never read has the version that the DAM's own row makes; one that
 * is away for a moment keeps its version as long as that row stays as it was.
 */
function facelease_file_version(array $row, bool $afresh = false): string
{
    $ref = (int) $row['ref'];
    $told = facelease_row_version($row);
    $known = ps_query('SELECT version, seen, content, shown, told FROM facelease_file WHERE resource = ?', ['i', $ref], '', -1, true, 0)[0] ?? null;
    $path = facelease_original_path($row);
    $opened = in_array(strtolower((string) $row['file_extension']), FACELEASE_OPENED, true);
    $stat = $path === null || !$opened ? false : stat($path);
    $seen = $stat === false ? '' : implode('|', [$stat['size'], $stat['mtime'], $stat['ctime'], $stat['ino']]);
    $read = $known !== null && !$afresh && $known['seen'] === $seen;
    $content = $stat === false || $stat['size'] > FACELEASE_LARGEST ? false : ($read ? $known['content'] : hash_file('sha256', $path));
    if ($content === false) {
        return $known !== null && $known['told'] === $told ? $known['version'] : $told;
    }
    $shown = (string) facelease_turned($row);
    $same = $known !== null && [$known['content'], $known['shown']] === [$content, $shown];
    $version = $same ? $known['version'] : ($known === null ? $told : substr(hash('sha256', "$content|$shown"), 0, 32));
    if (!$same || [$known['seen'], $known['told']] !== [$seen, $told]) {
        ps_query(
            'REPLACE INTO facelease_file (resource, version, seen, content, shown, told) VALUES (?, ?, ?, ?, ?, ?)',
            ['i', $ref, 's', $version, 's', $seen, 's', $content, 's', $shown, 's', $told]
        );
    }

    return $version;
}

/** Send the file, uncounted, for the service that examines it. Answers only where it cannot be sent. */
function facelease_send_original(int $ref): array
{
    $row = $ref > 0 ? facelease_resource($ref) : null;
    $path = $row === null || !facelease_hands_out($row) ? null : facelease_original_path($row);
    $version = $path === null ? '' : facelease_file_version($row);
    $file = $path === null ? false : fopen($path, 'rb');
    if ($file === false) {
        http_response_code(404);
        return ['error' => 'There is no such file to hand out.'];
    }
    while (ob_get_level() > 0) {
        ob_end_clean();
    }
    header('Content-Type: application/octet-stream');
    header('X-Facelease-Version: ' . $version);
    header('X-Facelease-Bytes: ' . fstat($file)['size']);
    fpassthru($file);
    exit();
}

/**
 * Does a preview of this size lie on its side? The file says that its picture is to be turned by a quarter, and the
 * preview has the shape of the picture that was not. What nobody can read is not called so.
 */
function facelease_is_sideways(int $ref, int $width, int $height): bool
{
    $row = facelease_resource($ref);
    $path = $row === null ? null : facelease_original_path($row);
    $exif = $size = false;
    if ($path !== null && function_exists('exif_read_data')) {
        facelease_quietly(static function () use ($path, &$exif, &$size): void {
            $exif = exif_read_data($path, 'IFD0');
            $size = getimagesize($path);
        });
    }
    if ($size === false || $exif === false || !in_array((int) ($exif['Orientation'] ?? 1), [5, 6, 7, 8], true)) {
        return false;
    }
    $flat = facelease_turned((array) $row) % 180 === 0 ? $size[0] > $size[1] : $size[0] < $size[1];

    return $size[0] !== $size[1] && ($width > $height) === $flat;
}
