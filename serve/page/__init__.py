"""The page for marketing ops: what `leadcast serve` shows to people.

A view is one entry of `router.VIEWS`: its name in the navigation, its address, and a
function that makes its router from the service and the shell. The router answers with
``shell.page("template.html", address)`` (a template in `templates/` that extends ``shell.html``)
and tells data about leads at addresses below ``/page/`` only, under
``dependencies=allowed_callers(service)``: a page itself is open and holds no data.

Scripts and styles lie in `static/` and are served at ``/page/static/NAME``. No inline script, no
style attribute: `guard.PAGE_POLICY` forbids both. `static/page.js` gives scripts
``leadcast.ask`` (asks the service, and a person for a key where one is demanded),
``leadcast.element`` (makes elements, so that no value is ever read as markup) and formats.
"""
