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

/**
 * POST `$body`, signed, to a path of the sidecar.
 *
 * @return array{status: int, body: string, retry: int, error: string} status 0 when nothing answered in time;
 *         retry is what Retry-After asks for, in seconds.
 */
function facelease_post(string $purpose, string $path, string $id, string $body, float $seconds): array
{
    $nothing = ['status' => 0, 'body' => '', 'retry' => 0];
    $secret = facelease_secret($purpose);
    $url = facelease_sidecar();
    if ($secret === null || $url === null) {
        return $nothing + ['error' => 'not configured'];
    }
    $retry = 0;
    $handle = curl_init($url . $path);
    curl_setopt_array($handle, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => $body,
        CURLOPT_HTTPHEADER => facelease_signed_headers($id, time(), $body, $secret),
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_FOLLOWLOCATION => false,
        CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
        CURLOPT_PROXY => '',
        CURLOPT_NOSIGNAL => true,
        CURLOPT_CONNECTTIMEOUT_MS => (int) min(1000, $seconds * 1000),
        CURLOPT_TIMEOUT_MS => (int) ($seconds * 1000),
        CURLOPT_HEADERFUNCTION => static function ($handle, string $line) use (&$retry): int {
            if (stripos($line, 'retry-after:') === 0) {
                $retry = facelease_retry_after(trim(substr($line, 12)), time());
            }
            return strlen($line);
        },
    ]);
    $answer = curl_exec($handle);
    $status = (int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
    $error = curl_error($handle);
    curl_close($handle);
    if (!is_string($answer)) {
        return $nothing + ['error' => $error];
    }

    return ['status' => $status, 'body' => $answer, 'retry' => $retry, 'error' => ''];
}

/** Seconds that a Retry-After header asks for: a number or a date; between 0 and an hour. */
function facelease_retry_after(string $value, int $now): int
{
    $at = ctype_digit($value) ? (int) $value : (int) strtotime($value) - $now;

    return max(0, min(3600, $at));
}
