<?php

/**
 * The page "Face recognition" of a collection.
 */

const FACELEASE_FORM = ['mode', 'basis', 'reference', 'decided_by', 'decided', 'review'];

function facelease_render_collection(int $collection, string $title, array $form, array $missing, bool $saved, array $history, ?string $without): void
{
    ?>
    <div class="BasicsBox">
        <h1><?php echo escape(facelease_word('menu') . ': ' . i18n_get_translated($title)); ?></h1>
        <p><?php echo escape(facelease_word('collection_intro')); ?></p>
        <?php
        foreach ($missing as $word) {
            facelease_render_note('FaceleaseError', $word);
        }
        if ($saved) {
            facelease_render_note('FaceleaseDone', 'saved');
        }
        facelease_render_effect($collection, $without, ($history[0]['basis'] ?? '') === 'controller');
        facelease_render_comparing($collection);
        ?>
        <form method="post" action="<?php echo escape($GLOBALS['baseurl_short']); ?>plugins/facelease/pages/collection.php"
            onsubmit="return CentralSpacePost(this, true);">
            <input type="hidden" name="collection" value="<?php echo escape((string) $collection); ?>">
            <input type="hidden" name="save" value="true">
            <?php
            generateFormToken('facelease_collection');
            facelease_render_choice('mode', FACELEASE_MODES, (string) ($form['mode'] ?? 'off'));
            facelease_render_choice('basis', ['', ...FACELEASE_BASES], (string) ($form['basis'] ?? ''));
            facelease_render_input('reference', 'text', (string) ($form['reference'] ?? ''));
            facelease_render_input('decided_by', 'text', (string) ($form['decided_by'] ?? ''));
            facelease_render_input('decided', 'date', (string) ($form['decided'] ?? ''));
            facelease_render_input('review', 'date', (string) ($form['review'] ?? ''));
            ?>
            <div class="QuestionSubmit">
                <input type="submit" value="<?php echo escape($GLOBALS['lang']['save']); ?>">
            </div>
        </form>
        <?php facelease_render_history($history, facelease_modes_above($collection) !== []); ?>
    </div>
    <?php
}

/** What counts here from above, why the choice has no effect, and the warning of a basis that needs one. */
function facelease_render_effect(int $collection, ?string $without, bool $warned): void
{
    foreach (facelease_modes_above($collection) as $above) {
        $title = i18n_get_translated($above['title']);
        echo '<p>' . escape(facelease_word('mode_above', $title, facelease_word('mode_' . $above['mode']))) . '</p>';
    }
    if ($without !== null) {
        facelease_render_note('FaceleaseWarning', $without);
    }
    $idle = facelease_idle_members($collection);
    if ($idle > 0) {
        echo '<p class="FaceleaseWarning">' . escape(facelease_word('choice_idle_here', $idle)) . '</p>';
    }
    if ($warned) {
        facelease_render_note('FaceleaseWarning', 'controller_warning');
    }
}

function facelease_render_choice(string $name, array $choices, string $chosen): void
{
    ?>
    <div class="Question">
        <label for="facelease_<?php echo escape($name); ?>"><?php echo escape(facelease_word($name)); ?></label>
        <select class="stdwidth" id="facelease_<?php echo escape($name); ?>" name="<?php echo escape($name); ?>">
            <?php foreach ($choices as $choice) { ?>
                <option value="<?php echo escape($choice); ?>" <?php echo $choice === $chosen ? 'selected' : ''; ?>>
                    <?php echo escape(facelease_word($name . '_' . ($choice === '' ? 'none' : $choice))); ?>
                </option>
            <?php } ?>
        </select>
        <div class="clearerleft"></div>
    </div>
    <?php
}

function facelease_render_input(string $name, string $type, string $value): void
{
    ?>
    <div class="Question">
        <label for="facelease_<?php echo escape($name); ?>"><?php echo escape(facelease_word($name)); ?></label>
        <input class="stdwidth" id="facelease_<?php echo escape($name); ?>" type="<?php echo escape($type); ?>"
            name="<?php echo escape($name); ?>" value="<?php echo escape($value); ?>">
        <div class="clearerleft"></div>
    </div>
    <?php
}

/** Who chose what, and when; the first line is in force. */
function facelease_render_history(array $history, bool $below): void
{
    if ($history === []) {
        facelease_render_note('', $below ? 'no_history_below' : 'no_history');
        return;
    }
    echo '<h2>' . escape(facelease_word('history')) . '</h2>';
    echo '<div class="Listview"><table class="ListviewStyle"><tr class="ListviewTitleStyle">';
    foreach (['set_at', 'set_by', ...FACELEASE_FORM] as $column) {
        echo '<th>' . escape(facelease_word($column)) . '</th>';
    }
    echo '</tr>';
    foreach ($history as $row) {
        $row['mode'] = facelease_word('mode_' . $row['mode']);
        $row['basis'] = facelease_word('basis_' . ($row['basis'] ?? 'none'));
        echo '<tr>';
        foreach (['set_at', 'set_by', ...FACELEASE_FORM] as $column) {
            echo '<td>' . escape((string) ($row[$column] ?? '')) . '</td>';
        }
        echo '</tr>';
    }
    echo '</table></div>';
}
