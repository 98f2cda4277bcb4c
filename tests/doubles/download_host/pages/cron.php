<?php

include __DIR__ . '/../include/boot.php';
facelease_tell_deliveries(20.0);
facelease_check_gate();
echo json_encode(facelease_gate_state());
