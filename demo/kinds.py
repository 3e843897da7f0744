"""What leads can do: the kinds of events, and how often each happens in which state."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of event.

    Parameters
    ----------
    name : str
        As in the event log's column ``Type``.
    medium : {"web", "mail", "phone"}
        Which temperament drives it.
    rates : tuple of float
        Events a day while cold, curious, evaluating, ready, a new customer, and lost.
    hidden_fit : float
        How much the fit that no column tells shows in it (exponent).
    value : tuple of float
        Median and spread (of the logarithm) of the value; empty where it has none.
    """

    name: str
    medium: str
    rates: tuple[float, float, float, float, float, float]
    hidden_fit: float = 0.0
    value: tuple[float, ...] = ()


KINDS = (
    Kind("email_opened", "mail", (0.12, 0.23, 0.34, 0.44, 0.30, 0.03)),
    Kind("email_clicked", "mail", (0.012, 0.10, 0.22, 0.30, 0.10, 0.004)),
    Kind("blog_page_viewed", "web", (0.025, 0.58, 0.75, 0.55, 0.05, 0.006)),
    Kind("product_page_viewed", "web", (0.007, 0.30, 1.5, 2.0, 0.08, 0.003), 0.4),
    Kind("pricing_page_viewed", "web", (0.002, 0.055, 0.55, 1.6, 0.03, 0.001), 0.4),
    Kind("docs_page_viewed", "web", (0.005, 0.12, 0.65, 1.1, 0.5, 0.002), 0.4),
    Kind("careers_page_viewed", "web", (0.004, 0.006, 0.004, 0.003, 0.002, 0.003)),
    Kind("video_watched", "web", (0.0035, 0.12, 0.32, 0.36, 0.03, 0.001), 0.0, (95.0, 0.9)),
    Kind("webinar_attended", "mail", (0.002, 0.03, 0.07, 0.08, 0.004, 0.0), 0.0, (31.0, 0.5)),
    Kind("form_submitted", "web", (0.002, 0.055, 0.14, 0.24, 0.004, 0.0)),
    Kind("trial_started", "web", (0.0002, 0.003, 0.03, 0.1, 0.0, 0.0), 0.5),
    Kind("call_connected", "phone", (0.005, 0.035, 0.11, 0.24, 0.05, 0.003), 0.3, (140.0, 1.0)),
    Kind("meeting_booked", "phone", (0.0003, 0.0045, 0.05, 0.2, 0.02, 0.0), 0.6),
    Kind("email_bounced", "mail", (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    Kind("onboarding_email_opened", "mail", (0.0, 0.0, 0.0, 0.0, 0.30, 0.0)),
    Kind("product_logged_in", "web", (0.0, 0.0, 0.0, 0.0, 0.50, 0.0)),
)
NAMES = tuple(kind.name for kind in KINDS)
