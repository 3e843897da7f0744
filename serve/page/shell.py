"""What all views have in common: the frame with the navigation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse

from serve.page.assets import environment

if TYPE_CHECKING:
    from fastapi import APIRouter

    from serve.http.service import Service


@dataclass(frozen=True)
class View:
    """A view in the navigation.

    Parameters
    ----------
    name : str
        As the navigation has it.
    address : str
        Where it is.
    make_router : callable
        Makes its addresses of the service and the shell.
    """

    name: str
    address: str
    make_router: "Callable[[Service, Shell], APIRouter]"


class Shell:
    """The frame of every view.

    Parameters
    ----------
    views : sequence of View
        In the order of the navigation.
    source : str
        What the service's model was trained on.
    """

    def __init__(self, views: tuple[View, ...], source: str) -> None:
        self._views, self._source = views, source
        self._environment = environment()

    def page(self, template: str, address: str, **content: Any) -> HTMLResponse:  # noqa: ANN401
        """Give a view's page.

        Parameters
        ----------
        template : str
            A file of `templates/` that extends ``shell.html``.
        address : str
            The view's address, which the navigation marks.
        **content : any
            For the template; texts are escaped. Nothing about a lead: pages are open.

        Returns
        -------
        HTMLResponse
        """
        frame = {"views": self._views, "address": address, "source": self._source}
        return HTMLResponse(self._environment.get_template(template).render(frame | content))
