/* Fills the panel on a resource's page, and sends the editor's decisions. The server sends escaped HTML. */
function faceleaseFill() {
    document.querySelectorAll('.FaceleasePanel:not([data-asked])').forEach(function (panel) {
        faceleaseAsk(panel, {});
        faceleaseBeside(panel);
    });
}

/* The panel "Consent management" of the DAM's own: it gets a mark to lead to, and leads to ours. */
function faceleaseBeside(panel) {
    var title = Array.from(document.querySelectorAll('.RecordPanel > .Title')).find(function (one) {
        return panel.dataset.beside !== '' && one.textContent.trim() === panel.dataset.beside;
    });
    if (title && !document.getElementById('facelease_forms')) {
        var link = document.createElement('a');
        link.href = '#facelease_panel';
        link.textContent = panel.dataset.title;
        var line = document.createElement('p');
        line.append(link);
        title.id = 'facelease_forms';
        title.after(line);
    }
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

/* After a decision the focus is on the next face to decide, or on the panel; on no button, that a second key would press. */
function faceleaseReturn(panel, face) {
    var place = faceleaseTurn(panel, faceleaseNext(panel, Number(face)));
    if (face) {
        place = place || panel;
        place.tabIndex = -1;
        place.focus();
    }
}

/* The first face that is still to be decided, after this one where there is one. */
function faceleaseNext(panel, face) {
    var all = Array.from(panel.querySelectorAll('.FaceleaseFace'));
    var at = all.findIndex(function (one) { return Number(one.dataset.face) === face; });
    var open = all.slice(at + 1).concat(all.slice(0, at + 1)).filter(function (one) { return one.dataset.open; });
    var next = open[0] || all[Math.max(at, 0)];
    return next ? Number(next.dataset.face) : 0;
}

/* Show one face: its line, its number and its box; returns the line. */
function faceleaseTurn(panel, face) {
    var shown = null;
    panel.querySelectorAll('.FaceleaseFace, .FaceleaseBox').forEach(function (one) {
        var now = Number(one.dataset.face) === face;
        one.classList.toggle('FaceleaseNow', now);
        shown = now && one.classList.contains('FaceleaseFace') ? one : shown;
    });
    panel.querySelectorAll('.FaceleaseChip').forEach(function (chip) {
        chip.setAttribute('aria-pressed', String(Number(chip.dataset.show) === face));
    });
    var from = panel.querySelector('.FaceleaseInvite select[name=face]');
    if (from && face) {
        from.value = String(face);
    }
    return shown;
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
    var chosen = event.target.closest('.FaceleasePanel .FaceleaseChip, .FaceleasePanel .FaceleaseBox');
    if (chosen) {
        faceleaseTurn(chosen.closest('.FaceleasePanel'), Number(chosen.dataset.show || chosen.dataset.face));
        return;
    }
    var button = event.target.closest('.FaceleasePanel button[data-action]');
    if (button) {
        faceleaseDecide(button);
    }
});

/* Send a decision with its reason, or its name; without one that it needs the field for it is next. */
function faceleaseDecide(button) {
    var panel = button.closest('.FaceleasePanel');
    var place = button.closest('.FaceleaseAction');
    var choice = place.querySelector('select[name=reason]');
    var field = place.querySelector('input[name=person]');
    var reason = button.dataset.reason || (choice ? choice.value : '');
    var missing = choice && reason === '' ? choice : field && field.value.trim() === '' ? field : null;
    if (missing) {
        missing.focus();
        return;
    }
    panel.querySelectorAll('button').forEach(function (one) { one.disabled = true; });
    var decision = {action: button.dataset.action, face: button.dataset.face || '', reason: reason};
    if (decision.action === 'invite' || field) {
        place.querySelectorAll('input, select').forEach(function (one) {
            decision[one.name] = one.type === 'checkbox' && !one.checked ? '' : one.value;
        });
    }
    faceleaseAsk(panel, decision);
}

/* Names that fit, while one types; Enter gives the name. */
var faceleaseTyping = 0;
document.addEventListener('input', function (event) {
    var field = event.target.closest('.FaceleasePanel input[name=person]');
    if (!field) {
        return;
    }
    clearTimeout(faceleaseTyping);
    faceleaseTyping = setTimeout(function () {
        var panel = field.closest('.FaceleasePanel');
        if (!panel) {
            return; // filled anew since
        }
        var asked = Object.assign({ajax: true, ref: panel.dataset.ref, names: field.value}, JSON.parse(panel.dataset.csrf));
        fetch(panel.dataset.url, {method: 'POST', body: new URLSearchParams(asked)}).then(function (answer) {
            return answer.ok ? answer.text() : '';
        }).then(function (html) {
            field.list.innerHTML = html;
        }).catch(function () {});
    }, 200);
});
document.addEventListener('keydown', function (event) {
    var field = event.target.closest('.FaceleasePanel input[name=person]');
    if (field && event.key === 'Enter') {
        event.preventDefault();
        faceleaseDecide(field.closest('.FaceleaseAction').querySelector('button'));
    }
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
