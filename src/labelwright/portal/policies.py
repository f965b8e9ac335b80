"""The content security policies of our pages, and the sandbox of task documents."""

from __future__ import annotations

__all__ = ["SANDBOX", "page_headers", "shell_policy", "task_policy"]

from labelwright.portal.http import Headers

# Never allow-same-origin: it would give a template the worker's session.
SANDBOX = "allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-downloads"


def shell_policy() -> str:
    """The portal's own page: nothing inline or from elsewhere, framed by nobody, no HTML from strings."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def task_policy(base_url: str, *, frames: str = "'self'") -> str:
    """A task's document: inline scripts as templates have them, in an opaque origin.

    Parameters
    ----------
    base_url : str
        Our address as the browser knows it: bundle and embedded objects come from there. ``'self'`` would
        not match it from the opaque origin in every browser.
    frames : str
        Who may frame it.
    """
    return (
        f"sandbox {SANDBOX}; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' https: {base_url}; "
        f"style-src 'unsafe-inline' https: {base_url}; img-src https: data: blob: {base_url}; "
        f"media-src https: data: blob: {base_url}; font-src https: data: {base_url}; "
        f"connect-src https: data: blob: {base_url}; frame-src https: {base_url}; object-src {base_url}; "
        f"worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
    )


def page_headers(policy: str) -> Headers:
    """Headers of an HTML page that no cache keeps."""
    return [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"strict-origin-when-cross-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
        (b"content-security-policy", policy.encode()),
    ]
