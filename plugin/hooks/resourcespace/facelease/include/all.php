<?php

// While the copy is not whole nothing of it is loaded: see whole.php.
include_once __DIR__ . '/whole.php';

if (function_exists('facelease_is_whole') && facelease_is_whole()) {
    foreach (['access', 'signing', 'breaker', 'events', 'setter', 'modes', 'fields', 'tags', 'photo', 'panel', 'faces', 'inviting', 'beside', 'comparing', 'searches', 'marks', 'signin', 'embedded', 'downloads', 'sight', 'gate', 'archives', 'canary', 'stopped', 'places', 'mentions'] as $part) {
        include_once __DIR__ . "/$part.php";
    }
}
