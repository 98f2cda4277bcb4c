<?php

/**
 * The hand-over: whoever is signed in here comes into FaceLease without a password, once, within a minute.
 *
 * The browser carries the ticket in a form; who they are is for us to say, what they may do there is for FaceLease.
 */

include_once __DIR__ . '/signing.php';

/** FaceLease's address for people, without a trailing slash; null when it is not http or https. */
function facelease_console(): ?string
{
    $url = rtrim(trim((string) ($GLOBALS['facelease_console_url'] ?? '')), '/');

    return preg_match('~^https?://[^\s/?#]+(/[^\s?#]*)?$~i', $url) === 1 ? $url : null;
}

/** May the present user be handed over? FaceLease still asks what their group may do. */
function facelease_may_enter(): bool
{
    $permitted = checkperm('facelease-v') || checkperm('facelease-c') || checkperm('a');

    return $permitted && !facelease_is_share() && facelease_console() !== null && facelease_secret('signin') !== null;
}

/**
 * A ticket for the present user, signed under a secret of its own.
 *
 * @return array{payload: string, signature: string}
 */
function facelease_ticket(string $user, int $group, string $language, int $now, string $to = ''): array
{
    $said = json_encode([
        'v' => 1,
        'user' => $user,
        'groups' => [$group],
        'language' => $language,
        'nonce' => bin2hex(random_bytes(16)),
        'audience' => facelease_console(),
        'issued' => $now,
    ] + ($to === '' ? [] : ['to' => $to]), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
    $payload = rtrim(strtr(base64_encode($said), '+/', '-_'), '=');
    $key = (string) facelease_secret('signin');

    return [
        'payload' => $payload,
        'signature' => base64_encode(hash_hmac('sha256', 'facelease-signin.' . $payload, $key, true)),
    ];
}

/** Where in FaceLease the hand-over leads: the review of a collection that the user may read, else its first page. */
function facelease_destination(string $to, int $collection): string
{
    return $to === 'review' && $collection > 0 && collection_readable($collection) ? "/console/review?collection=$collection" : '';
}
