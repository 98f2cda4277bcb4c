/* Fills the panel on a resource's page, and sends the editor's decisions. The server sends escaped HTML. */
function faceleaseFill() {
    jQuery('.FaceleasePanel').not('[data-asked]').each(function () {
        faceleaseAsk(jQuery(this), {});
    });
}

function faceleaseAsk(panel, decision) {
    panel.attr('data-asked', '1');
    var failed = jQuery('<p>').text(panel.attr('data-failed'));
    jQuery.ajax({
        url: panel.attr('data-url'),
        method: 'POST',
        data: jQuery.extend({ajax: true, ref: panel.attr('data-ref')}, JSON.parse(panel.attr('data-csrf')), decision),
        dataType: 'html',
        timeout: 10000
    }).done(function (html) {
        panel.html(html);
        faceleaseShow(panel);
    }).fail(function () {
        panel.empty().append(failed);
    });
}

/* Boxes appear with their picture: over one that still loads, or failed, there is none. */
function faceleaseShow(panel) {
    panel.find('.FaceleasePicture img').each(function () {
        var image = this;
        var seen = function () {
            var there = image.naturalWidth > 0;
            jQuery(image).parent().toggleClass('FaceleaseShown', there).toggleClass('FaceleaseFailed', !there);
        };
        if (image.complete) {
            seen();
        } else {
            jQuery(image).on('load error', seen);
        }
    });
}

jQuery(document).on('click', '.FaceleasePanel button[data-action]', function () {
    var button = jQuery(this);
    var panel = button.closest('.FaceleasePanel');
    var reason = button.closest('.FaceleaseFace').find('input[name=reason]').val() || '';
    if (button.attr('data-action') === 'dismiss' && reason.trim() === '') {
        button.closest('.FaceleaseFace').find('input[name=reason]').trigger('focus');
        return;
    }
    panel.find('button').prop('disabled', true);
    faceleaseAsk(panel, {action: button.attr('data-action'), face: button.attr('data-face'), reason: reason});
});

jQuery(document).on('mouseenter mouseleave focusin focusout', '.FaceleaseFace', function (event) {
    var on = event.type === 'mouseenter' || event.type === 'focusin';
    jQuery('.FaceleaseBox[data-face="' + Number(jQuery(this).attr('data-face')) + '"]').toggleClass('FaceleaseLit', on);
});
