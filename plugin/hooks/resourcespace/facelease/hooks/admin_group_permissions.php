<?php

/** Two rows on the page of a group's permissions. */
function HookFaceleaseAdmin_group_permissionsAdditionalperms()
{
    $all = in_array('a', $GLOBALS['permissions'], true);
    ?>
    <tr class="ListviewTitleStyle">
        <th colspan=3 class="permheader"><?php echo escape(facelease_word('permissions')); ?></th>
    </tr>
    <?php
    DrawOption('facelease-v', facelease_word('permission_view'), false, false, $all);
    DrawOption('facelease-c', facelease_word('permission_collection'), false, false, $all);
}
