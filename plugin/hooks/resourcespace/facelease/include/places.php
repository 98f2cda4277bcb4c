<?php

/**
 * What we add to pages of the DAM. These hooks lie here and not in a file of hooks for each page, so that a copy that is not
 * whole adds nothing.
 */

/** Where on a resource's page the panel may stand, and the hook of the DAM's that is there. */
const FACELEASE_PLACES = ['above', 'before', 'after'];

/** Above the picture. The parameter bears the DAM's own name: it passes it by name. */
function HookFaceleaseViewRenderbeforeresourceview($resource)
{
    return facelease_panel_at('above', (int) ($resource['ref'] ?? 0));
}

/** Between the picture and its metadata. */
function HookFaceleaseViewRenderbeforeresourcedetails()
{
    return facelease_panel_at('before', (int) $GLOBALS['ref']);
}

/** Below the metadata: there unless another place was chosen. */
function HookFaceleaseViewCustompanels()
{
    return facelease_panel_at('after', (int) $GLOBALS['ref']);
}

/** A placeholder, filled after the page has loaded: the page never waits for the sidecar. */
function facelease_panel_at(string $place, int $ref): bool
{
    $chosen = in_array($GLOBALS['facelease_panel_place'] ?? '', FACELEASE_PLACES, true) ? $GLOBALS['facelease_panel_place'] : 'after';
    if ($place !== $chosen || !facelease_may_see($ref)) {
        return false;
    }
    $url = $GLOBALS['baseurl_short'] . 'plugins/facelease/pages/panel.php';
    ?>
    <div class="RecordBox" id="facelease_panel">
        <div class="RecordPanel">
            <div class="Title"><?php echo escape(facelease_word('panel_title')); ?></div>
            <div class="FaceleasePanel" aria-live="polite"
                data-url="<?php echo escape($url); ?>"
                data-ref="<?php echo escape((string) $ref); ?>"
                data-csrf="<?php echo escape(generate_csrf_js_object('facelease_panel')); ?>"
                data-beside="<?php echo escape((string) ($GLOBALS['lang']['consent_management'] ?? '')); ?>"
                data-title="<?php echo escape(facelease_word('panel_title')); ?>"
                data-failed="<?php echo escape(facelease_word('unknown_failed')); ?>"
            ><p><?php echo escape(facelease_word('loading')); ?></p></div>
        </div>
    </div>
    <script>faceleaseFill();</script>
    <?php
    return false;
}

/** A date says which copies it holds for. We change what the page will show, and answer nothing: answers are merged. */
function HookFaceleaseViewModified_view_fields()
{
    facelease_quietly(static function (): void {
        if (is_array($GLOBALS['fields'] ?? null)) {
            $GLOBALS['fields'] = facelease_sized_titles($GLOBALS['fields']);
        }
    });

    return null;
}

/** "FaceLease" among the team centre's entries, for those who may see or decide something there. */
function HookFaceleaseTeam_homeCustomteamfunction()
{
    if (!facelease_may_enter()) {
        return null;
    }
    $url = $GLOBALS['baseurl_short'] . 'plugins/facelease/pages/console.php';
    ?>
    <li title="<?php echo escape(facelease_word('enter_tooltip')); ?>">
        <a href="<?php echo escape($url); ?>" target="_blank" rel="noopener">
            <i aria-hidden="true" class="icon-scan-face"></i>
            <br><?php echo escape(facelease_word('team')); ?>
        </a>
    </li>
    <?php
    return null;
}

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

/** Our searches; the DAM passes what its query is made of. */
function HookFaceleaseAllAddspecialsearch($search, $select, $join, $filter)
{
    return facelease_search_query((string) $search, $select, $join, $filter);
}

/** What one of our searches is called above its results. */
function HookFaceleaseAllAddspecialsearchtitle()
{
    $asked = facelease_parse_search((string) ($GLOBALS['search'] ?? ''));
    if ($asked !== null) {
        $GLOBALS['search_title'] = '<div class="BreadcrumbsBox BreadcrumbsBoxSlim BreadcrumbsBoxTheme"><div class="SearchBreadcrumbs">'
            . escape(facelease_search_title($asked)) . '</div></div>';
    }

    return null;
}

/** Where one of ours found nothing its title stays: what was searched for is part of the answer. */
function HookFaceleaseAllReplacenoresourcesfoundsearchtitle()
{
    return facelease_parse_search((string) ($GLOBALS['search'] ?? '')) === null ? null : true;
}

/** Our filters, above the results. */
function HookFaceleaseSearchBeforesearchresults()
{
    if (facelease_may_search()) {
        facelease_render_bar((string) ($GLOBALS['search'] ?? ''));
    }

    return null;
}

/** The place of a mark on each picture. */
function HookFaceleaseSearchAftersearchimg($resource)
{
    if (facelease_may_search()) {
        facelease_render_mark_place((int) ($resource['ref'] ?? 0));
    }

    return null;
}

/** Below the results, which the DAM loads into its page by script. */
function HookFaceleaseSearchEndofsearchpage()
{
    if (facelease_may_search()) {
        ?>
        <script>faceleaseMarkAll();</script>
        <?php
    }

    return null;
}

/** On the upload page: whether faces are compared where the files go. */
function HookFaceleaseUpload_batchUpload_page_top()
{
    facelease_quietly(static fn() => facelease_render_upload_note((int) getval('collection_add', 0, true)));

    return null;
}
