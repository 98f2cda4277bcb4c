<?php

// Up to where the DAM asks which photographs an archive holds; it says what it would hold.
include __DIR__ . '/../include/boot.php';
if ($k === '' || !check_access_key_collection(1, $k)) {
    include __DIR__ . '/../include/authenticate.php';
}
$submitted = getval('submitted', '') !== '';
$include_alternatives = getval('include_alternatives', '') !== '';
$offline_job_queue = $k === '';
$result = array_map(static fn($ref) => ['ref' => $ref], array_keys($store['photos']));
$modified_result = hook('modifycollectiondownload');
if (is_array($modified_result)) {
    $result = $modified_result;
}
echo json_encode(['refs' => array_column($result, 'ref'), 'alternatives' => $include_alternatives,
    'job' => $offline_job_queue, 'sends' => $submitted]);
