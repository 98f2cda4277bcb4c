/* The ticket holds for a minute: send it on at once. */
document.getElementById('facelease_signin').submit();
