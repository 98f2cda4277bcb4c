<?php

/**
 * What is about to be sent: whose file a path is, told by the file itself and never by how it was asked for.
 */

include_once __DIR__ . '/events.php';

/** Sizes that the DAM's pages show. Their files pass there, up to FACELEASE_PAGE_PIXELS on either side. */
const FACELEASE_PAGE_SIZES = ['col', 'thm', 'pre', 'scr', 'snapshot'];

/** The widest picture that pages show: the DAM's own screen size is 1400 wide. What is larger is made for printing. */
const FACELEASE_PAGE_PIXELS = 1400;

/** Text that the DAM makes for an account (a list of metadata, a report): no photograph is in it. */
const FACELEASE_TEXTS = ['csv', 'log', 'txt'];

/** Plugins that leave converted files whose name does not tell which file, or which resource, they were made of. */
const FACELEASE_BLIND_MAKERS = ['format_chooser', 'video_splice'];

/**
 * Whose file this is, and which:
 * page (a small preview, where pages show it), main (the file that is examined, or a size of it), other (an alternative,
 * a further page, a file of before), design (the DAM's own, of no resource), canary (ours), untied (nobody knows).
 *
 * @return array{kind: string, ref: int}
 */
function facelease_file_of(string $path, int $asked, bool $shown): array
{
    $real = realpath($path);
    if ($real === false) {
        return ['kind' => 'untied', 'ref' => 0];
    }
    $named = facelease_made_file($real);
    if ($named !== null) {
        return $named;
    }
    foreach (array_unique([$asked, ...facelease_numbers_in($real)]) as $ref) {
        $kind = $ref > 0 ? facelease_kind_of($real, $ref, $shown) : null;
        if ($kind !== null) {
            return ['kind' => $kind, 'ref' => $ref];
        }
    }

    return ['kind' => 'untied', 'ref' => 0];
}

/** The folder in which the DAM itself lies. */
function facelease_host(): string
{
    return dirname((string) (new ReflectionFunction('hook'))->getFileName(), 2);
}

/** A file outside the store of resources: the DAM's icons and slides, and what it made for an account. */
function facelease_made_file(string $real): ?array
{
    $folder = dirname($real);
    $slides = realpath(facelease_host() . '/' . (string) ($GLOBALS['homeanim_folder'] ?? ''));
    if (str_starts_with($real, facelease_host() . '/gfx/no_preview/')) {
        return ['kind' => 'design', 'ref' => 0];
    }
    if ($folder === $slides) {
        return facelease_slide((int) basename($real));
    }
    $made = [realpath(get_temp_dir(false, 'user_downloads')), realpath(get_temp_dir(false, ''))];
    if (!in_array($folder, $made, true)) {
        return null;
    }
    $extension = strtolower(pathinfo($real, PATHINFO_EXTENSION));
    if (in_array($extension, FACELEASE_TEXTS, true)) {
        return ['kind' => 'design', 'ref' => 0];
    }
    preg_match('/^(?:[^_]+_)?(\d+)_[0-9a-f]{32}\.\w+$/', basename($real), $parts);
    $ref = (int) ($parts[1] ?? 0);
    $blind = array_intersect(FACELEASE_BLIND_MAKERS, $GLOBALS['plugins'] ?? []) !== [];
    $archive = preg_match('/^(zip|tar|t?gz|7z|rar|bz2)$/', $extension) === 1;

    return $ref > 0 && !$blind && !$archive && facelease_resource($ref) !== null
        ? ['kind' => 'main', 'ref' => $ref]
        : ['kind' => 'untied', 'ref' => 0];
}

/** A slide of the front page: its resource, where it is one; else it is the house's own picture of itself. */
function facelease_slide(int $slide): array
{
    if ($slide === FACELEASE_CANARY) {
        return ['kind' => 'canary', 'ref' => 0];
    }
    $rows = ps_query('SELECT resource_ref FROM slideshow WHERE ref = ?', ['i', $slide], '', -1, true, 0);
    $ref = (int) ($rows[0]['resource_ref'] ?? 0);

    return $ref > 0 ? ['kind' => 'main', 'ref' => $ref] : ['kind' => 'design', 'ref' => 0];
}

/** The resource whose folder a path lies in, as the DAM spreads them: one digit a folder, from either end. */
function facelease_numbers_in(string $real): array
{
    if (preg_match('~((?:/\d)+)(?:_[0-9a-f]{15})?/[^/]+$~', $real, $parts) !== 1) {
        return [];
    }
    $digits = str_replace('/', '', $parts[1]);

    return [(int) $digits, (int) strrev($digits)];
}

/** Which file of this resource a path is; null when it is none. */
function facelease_kind_of(string $real, int $ref, bool $shown): ?string
{
    $row = facelease_resource($ref);
    if ($row === null) {
        return null;
    }
    $extension = pathinfo($real, PATHINFO_EXTENSION);
    $is = static fn(string $size, bool $marked, int $page = 1): bool
        => realpath(get_resource_path($ref, true, $size, false, $extension, true, $page, $marked, '', -1, false)) === $real;
    preg_match_all('/_(\d+)(?=_)/', basename($real), $pages);
    foreach ([false, true] as $marked) {
        foreach ($shown ? FACELEASE_PAGE_SIZES : [] as $size) {
            foreach ([1, ...array_map('intval', $pages[1])] as $page) {
                if ($is($size, $marked, $page) && facelease_is_small($real, $size)) {
                    return 'page';
                }
            }
        }
        foreach (facelease_sizes_for($real, $ref, (string) $row['file_extension']) as $size) {
            if ($is($size, $marked)) {
                return 'main';
            }
        }
    }

    return facelease_frame_of($real, $ref, $shown) ?? (facelease_is_beside($real, $ref) ? 'other' : null);
}

/** Sizes whose file would be one of the examined picture: those of the DAM, its tiles, the file itself and its sound. */
function facelease_sizes_for(string $real, int $ref, string $original): array
{
    $sizes = array_map('strval', array_column(ps_query('SELECT id FROM preview_size', [], 'schema'), 'id'));
    $sizes = [...$sizes, ...FACELEASE_PAGE_SIZES, 'hpr', 'lpr'];
    if (preg_match("/^$ref(tile(?:_\d+){5})(?:_wm)?_[0-9a-f]{15}\.jpg$/", basename($real), $parts) === 1) {
        $sizes[] = $parts[1];
    }
    $own = [strtolower($original), 'mp3', 'icc'];

    return in_array(strtolower(pathinfo($real, PATHINFO_EXTENSION)), $own, true) ? [...$sizes, ''] : $sizes;
}

/** One of a film's small frames, that a page shows one after the other. */
function facelease_frame_of(string $real, int $ref, bool $shown): ?string
{
    if (preg_match('/snapshot_(\d+)/', basename($real), $parts) !== 1) {
        return null;
    }
    $first = get_resource_path($ref, true, 'snapshot', false, pathinfo($real, PATHINFO_EXTENSION), true, 1, false, '', -1, false);
    if (realpath(str_replace('snapshot', 'snapshot_' . $parts[1], $first)) !== $real) {
        return null;
    }

    return $shown && facelease_is_small($real, 'snapshot') ? 'page' : 'main';
}

/** Does this lie where the resource's files lie? */
function facelease_is_beside(string $real, int $ref): bool
{
    foreach (['', 'pre'] as $size) {
        $known = get_resource_path($ref, true, $size, false, 'jpg', true, 1, false, '', -1, false);
        if (realpath(dirname($known)) === dirname($real)) {
            return true;
        }
    }

    return false;
}

/**
 * The longest side of a copy of the whole picture, which the DAM made: one of its own sizes. 0 for anything else: the file
 * itself may hold more than a program measures at once, and a tile, a crop or a frame of a film shows a part, enlarged.
 */
function facelease_copy_px(string $path, int $ref): int
{
    $real = realpath($path);
    $row = $real === false ? null : facelease_resource($ref);
    if ($row === null || strtolower(pathinfo($real, PATHINFO_EXTENSION)) !== 'jpg') {
        return 0;
    }
    if ($real === realpath(get_resource_path($ref, true, '', false, (string) $row['file_extension'], true, 1, false, '', -1, false))) {
        return 0;
    }
    $sizes = array_map('strval', array_column(ps_query('SELECT id FROM preview_size', [], 'schema'), 'id'));
    $sizes = array_diff([...$sizes, 'col', 'thm', 'pre', 'scr', 'hpr', 'lpr'], ['', 'snapshot']);
    foreach ($sizes as $size) {
        foreach ([false, true] as $marked) {
            if (realpath(get_resource_path($ref, true, $size, false, 'jpg', true, 1, $marked, '', -1, false)) === $real) {
                return facelease_longest_side($real);
            }
        }
    }

    return 0;
}

/** By the file's own head; 0 where it cannot be read. */
function facelease_longest_side(string $real): int
{
    $measured = false;
    facelease_quietly(static function () use ($real, &$measured): void {
        $measured = getimagesize($real);
    });

    return is_array($measured) && $measured[0] > 0 && $measured[1] > 0 ? max($measured[0], $measured[1]) : 0;
}

/** No larger than what pages show: by its pixels, and a film by what the DAM shrinks it to. */
function facelease_is_small(string $real, string $size): bool
{
    $most = FACELEASE_PAGE_PIXELS;
    $film = (string) ($GLOBALS['ffmpeg_preview_extension'] ?? '');
    if ($size === 'pre' && $film !== '' && strtolower(pathinfo($real, PATHINFO_EXTENSION)) === $film) {
        $bound = max((int) ($GLOBALS['ffmpeg_preview_max_width'] ?? PHP_INT_MAX), (int) ($GLOBALS['ffmpeg_preview_max_height'] ?? PHP_INT_MAX));

        return $bound <= $most;
    }
    $longest = facelease_longest_side($real);

    return $longest > 0 && $longest <= $most;
}
