/* Fills the panel on a resource's page, and sends the editor's decisions. The server sends escaped HTML. */
function faceleaseFill() {
    document.querySelectorAll('.FaceleasePanel:not([data-asked])').forEach(function (panel) {
        faceleaseAsk(panel, {});
    });
}

function faceleaseAsk(panel, decision) {
    panel.setAttribute('data-asked', '1');
    var asked = Object.assign({ajax: true, ref: panel.dataset.ref}, JSON.parse(panel.dataset.csrf), decision);
    var stop = new AbortController();
    var late = setTimeout(function () { stop.abort(); }, 10000);
    fetch(panel.dataset.url, {method: 'POST', body: new URLSearchParams(asked), signal: stop.signal}).then(function (answer) {
        if (!answer.ok) {
            throw new Error(answer.status);
        }
        return answer.text();
    }).then(function (html) {
        panel.innerHTML = html;
        faceleaseShow(panel);
        faceleaseReturn(panel, decision.face);
    }).catch(function () {
        var failed = document.createElement('p');
        failed.textContent = panel.dataset.failed;
        panel.replaceChildren(failed);
        faceleaseReturn(panel, decision.face);
    }).finally(function () {
        clearTimeout(late);
    });
}

/* After a decision the focus is on the line that it was about, or on the panel; on no button, that a second key would press. */
function faceleaseReturn(panel, face) {
    if (face) {
        var place = panel.querySelector('.FaceleaseFace[data-face="' + Number(face) + '"]') || panel;
        place.tabIndex = -1;
        place.focus();
    }
}

/* Boxes appear with their picture: over one that still loads, or failed, there is none. */
function faceleaseShow(panel) {
    panel.querySelectorAll('.FaceleasePicture img').forEach(function (image) {
        function seen() {
            image.parentNode.classList.toggle('FaceleaseShown', image.naturalWidth > 0);
            image.parentNode.classList.toggle('FaceleaseFailed', image.complete && image.naturalWidth === 0);
        }
        image.addEventListener('load', seen);
        image.addEventListener('error', seen);
        seen();
    });
}

document.addEventListener('click', function (event) {
    var button = event.target.closest('.FaceleasePanel button[data-action]');
    if (!button) {
        return;
    }
    var panel = button.closest('.FaceleasePanel');
    var face = button.closest('.FaceleaseFace');
    var choice = face && face.querySelector('select[name=reason]');
    var reason = button.dataset.reason || (choice ? choice.value : '');
    if (button.dataset.action === 'dismiss' && reason === '') {
        choice.focus();
        return;
    }
    panel.querySelectorAll('button').forEach(function (one) { one.disabled = true; });
    faceleaseAsk(panel, {action: button.dataset.action, face: button.dataset.face, reason: reason});
});

['mouseover', 'mouseout', 'focusin', 'focusout'].forEach(function (name) {
    document.addEventListener(name, function (event) {
        var face = event.target.closest('.FaceleaseFace');
        var box = face && document.querySelector('.FaceleaseBox[data-face="' + Number(face.dataset.face) + '"]');
        if (box) {
            box.classList.toggle('FaceleaseLit', name === 'mouseover' || name === 'focusin');
        }
    });
});

/* ---- results of a search: marks, and the filter by a day ---- */

function faceleaseMarkAll() {
    var bar = document.querySelector('.FaceleaseBar');
    var places = Array.from(document.querySelectorAll('.FaceleaseMark:not([data-asked])'));
    if (!bar || places.length === 0) {
        return;
    }
    places.forEach(function (place) { place.setAttribute('data-asked', '1'); });
    for (var first = 0; first < places.length; first += 500) {
        faceleaseMark(bar, places.slice(first, first + 500));
    }
}

function faceleaseMark(bar, places) {
    var refs = places.map(function (place) { return Number(place.dataset.ref); }).join(',');
    var asked = Object.assign({ajax: true, refs: refs}, JSON.parse(bar.dataset.csrf));
    var stop = new AbortController();
    var late = setTimeout(function () { stop.abort(); }, 10000);
    fetch(bar.dataset.url, {method: 'POST', body: new URLSearchParams(asked), signal: stop.signal}).then(function (answer) {
        if (!answer.ok) {
            throw new Error(answer.status);
        }
        return answer.text();
    }).catch(function () {
        return '';
    }).then(function (html) {
        var said = new DOMParser().parseFromString(html, 'text/html');
        places.forEach(function (place) {
            var mark = said.querySelector('.FaceleaseSign[data-ref="' + Number(place.dataset.ref) + '"]');
            place.replaceChildren(mark || faceleaseUnknown(bar.dataset.unknown));
        });
        clearTimeout(late);
    });
}

function faceleaseUnknown(words) {
    var mark = document.createElement('span');
    mark.className = 'FaceleaseSign FaceleaseSign-unknown';
    mark.setAttribute('role', 'img');
    mark.setAttribute('aria-label', words);
    mark.title = words;
    mark.textContent = '?';
    return mark;
}

document.addEventListener('submit', function (event) {
    var form = event.target.closest('form.FaceleaseDay');
    if (form) {
        event.preventDefault();
        var wanted = form.dataset.before + form.querySelector('input').value + form.dataset.after;
        CentralSpaceLoad(form.dataset.url + encodeURIComponent(wanted), true);
    }
});
