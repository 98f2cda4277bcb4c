<?php

/** A placeholder, filled after the page has loaded: the page never waits for the sidecar. */
function HookFaceleaseViewCustompanels()
{
    $ref = (int) $GLOBALS['ref'];
    if (!facelease_may_see($ref)) {
        return false;
    }
    $url = $GLOBALS['baseurl_short'] . 'plugins/facelease/pages/panel.php';
    ?>
    <div class="RecordBox">
        <div class="RecordPanel">
            <div class="Title"><?php echo escape(facelease_word('panel_title')); ?></div>
            <div class="FaceleasePanel" aria-live="polite"
                data-url="<?php echo escape($url); ?>"
                data-ref="<?php echo escape((string) $ref); ?>"
                data-csrf="<?php echo escape(generate_csrf_js_object('facelease_panel')); ?>"
                data-failed="<?php echo escape(facelease_word('unknown_failed')); ?>"
            ><p><?php echo escape(facelease_word('loading')); ?></p></div>
        </div>
    </div>
    <script>faceleaseFill();</script>
    <?php
    return false;
}
