<?php

/**
 * Signed requests to the sidecar, as the Standard Webhooks specification has it:
 * base64(HMAC-SHA256(id.timestamp.body)) under a secret written whsec_<base64>.
 */

/** The bytes of a secret from config.php; null when it is missing or not whsec_ with at least 24 bytes. */
function facelease_secret(string $purpose): ?string
{
    $text = trim((string) ($GLOBALS['facelease_secret_' . $purpose] ?? ''));
    if (!str_starts_with($text, 'whsec_')) {
        return null;
    }
    $bytes = base64_decode(substr($text, 6), true);

    return is_string($bytes) && strlen($bytes) >= 24 ? $bytes : null;
}

/** The sidecar's address without a trailing slash; null when it is not http or https. */
function facelease_sidecar(): ?string
{
    $url = rtrim(trim((string) ($GLOBALS['facelease_sidecar_url'] ?? '')), '/');

    return preg_match('~^https?://[^\s/?#]+(/[^\s?#]*)?$~i', $url) === 1 ? $url : null;
}

/** The three headers for `$body`; the id stays with the message, the timestamp is that of the attempt. */
function facelease_signed_headers(string $id, int $timestamp, string $body, string $secret): array
{
    $signature = base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $secret, true));

    return [
        'Content-Type: application/json',
        "webhook-id: $id",
        "webhook-timestamp: $timestamp",
        "webhook-signature: v1,$signature",
        'Expect:',
    ];
}

/** The most bytes of an answer that are read: of a thousand photographs with their reasons, a tenth of this. */
const FACELEASE_MOST_BYTES = 4194304;

/**
 * POST `$body`, signed, to a path of the sidecar. Pages (`panel`) ask through the breaker: while the sidecar is sick
 * they are told at once that nothing answers.
 *
 * @return array{status: int, body: string, retry: int, error: string, ours: bool} status 0 when nothing answered in
 *         time, or what answered did not prove that it has our secret; retry is what Retry-After asks for, in seconds.
 */
function facelease_post(string $purpose, string $path, string $id, string $body, float $seconds): array
{
    if (facelease_secret($purpose) === null || facelease_sidecar() === null) {
        return facelease_no_answer('not configured');
    }
    if (!function_exists('curl_init')) {
        return facelease_no_answer('PHP: curl is missing');
    }
    $ask = static fn(): array => facelease_post_now($purpose, $path, $id, $body, $seconds);

    return $purpose === 'panel' ? facelease_guarded($ask) : $ask();
}

/** @return array{status: int, body: string, retry: int, error: string, ours: bool} */
function facelease_no_answer(string $error): array
{
    return ['status' => 0, 'body' => '', 'retry' => 0, 'error' => $error, 'ours' => false];
}

/** One request, whatever came before it. */
function facelease_post_now(string $purpose, string $path, string $id, string $body, float $seconds): array
{
    $secret = (string) facelease_secret($purpose);
    $now = time();
    $got = '';
    $headers = [];
    $handle = curl_init(facelease_sidecar() . $path);
    curl_setopt_array($handle, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_HTTPHEADER => facelease_signed_headers($id, $now, $body, $secret),
        CURLOPT_FOLLOWLOCATION => false,
        CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
        CURLOPT_PROXY => '',
        CURLOPT_NOSIGNAL => true,
        CURLOPT_CONNECTTIMEOUT_MS => (int) min(500, $seconds * 1000),
        CURLOPT_TIMEOUT_MS => (int) ($seconds * 1000),
        CURLOPT_HEADERFUNCTION => static function ($handle, string $line) use (&$headers): int {
            [$name, $value] = explode(':', $line, 2) + ['', ''];
            $headers[strtolower(trim($name))] = trim($value);
            return count($headers) > 100 ? -1 : strlen($line);
        },
        CURLOPT_WRITEFUNCTION => static function ($handle, string $some) use (&$got): int {
            $got .= $some;
            return strlen($got) > FACELEASE_MOST_BYTES ? -1 : strlen($some);
        },
    ]);
    $whole = curl_exec($handle);
    $status = (int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
    $error = curl_error($handle);
    curl_close($handle);
    if ($whole !== true) {
        return facelease_no_answer(strlen($got) > FACELEASE_MOST_BYTES ? 'the answer is too large' : $error);
    }
    $answer = ['status' => $status, 'body' => $got, 'retry' => facelease_retry_after($headers['retry-after'] ?? '0', $now)];
    $ours = facelease_is_proved((string) ($headers['facelease-answer'] ?? ''), "$id.$now.$status.$got", $secret);

    return facelease_believed($answer + ['error' => '', 'ours' => $ours]);
}

/** Does a header of the answer prove that whoever answered has our secret, and answered this very request? */
function facelease_is_proved(string $header, string $said, string $secret): bool
{
    $mine = 'v1,' . base64_encode(hash_hmac('sha256', "answer.$said", $secret, true));
    $fits = array_filter(array_slice(explode(' ', $header), 0, 8), static fn(string $one): bool => hash_equals($mine, $one));

    return $fits !== [];
}

/**
 * What an answer is worth. A refusal of our signature cannot be proved, and means no more than that. Anything else
 * without a proof is somebody else's.
 */
function facelease_believed(array $answer): array
{
    if ($answer['ours']) {
        return $answer;
    }
    $nothing = facelease_no_answer($answer['status'] . ' without the proof that it is FaceLease');

    return in_array($answer['status'], [401, 403], true) ? ['status' => $answer['status']] + $nothing : $nothing;
}

/** Seconds that a Retry-After header asks for: a number or a date; between 0 and an hour. */
function facelease_retry_after(string $value, int $now): int
{
    $at = ctype_digit($value) ? (int) $value : (int) strtotime($value) - $now;

    return max(0, min(3600, $at));
}
