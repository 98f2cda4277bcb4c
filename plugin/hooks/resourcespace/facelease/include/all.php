<?php

foreach (['access', 'signing', 'events', 'modes', 'fields', 'tags', 'photo', 'panel', 'signin', 'embedded', 'downloads', 'sight'] as $part) {
    include_once __DIR__ . "/$part.php";
}
