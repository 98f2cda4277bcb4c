<?php

foreach (['access', 'signing', 'events', 'modes', 'fields', 'tags', 'photo', 'panel', 'signin', 'embedded', 'downloads', 'sight', 'gate', 'archives', 'canary', 'stopped'] as $part) {
    include_once __DIR__ . "/$part.php";
}
