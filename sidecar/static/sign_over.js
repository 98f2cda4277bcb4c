// Signed, declined or left: nothing of it stays in this browser.
"use strict";

import { forget } from "./sign_draft.js";

forget();
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
