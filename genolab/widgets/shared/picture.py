"""The picture of a widget beside it in the notebook, which is seen where the live view isn't.

JupyterLab prefers the widget to a picture in the same output, also in a notebook that was opened again, whose widget
is gone. So the picture is an output of its own, and hides itself where the view stands: in JupyterLab right before it,
elsewhere anywhere on the page. (A second view of an output that JupyterLab restores waits for its widget for good.)
"""

import base64
import html
from string import Template
from typing import Any, Final

# A view that failed or has yet to load has text but no element; one that was closed is hidden, and its picture with it.
_HTML: Final = Template("""<style>
.genolab-picture img { max-width: 100%; }
.genolab-picture p { margin: 0; opacity: 0.7; }
:root:has([data-view="$id"]) .$id:not(.jp-OutputArea-child *),
.jp-OutputArea-child:has([data-view="$id"]) ~ .jp-OutputArea-child:has(.$id),
.jp-OutputArea-child:has(> .lm-mod-hidden) + .jp-OutputArea-child:has(.$id),
.jp-OutputArea-child:not(:has(.jp-OutputArea-output > *)):has(+ .jp-OutputArea-child .$id) { display: none; }
</style>
<div class="genolab-picture $id">
$picture
<p>A picture of the live view: run the notebook to use it.</p>
</div>""")


def picture_output(png: bytes, *, view_id: str, text: str) -> dict[str, Any]:
    """Return the output that shows a picture where no view with `view_id`, a CSS class, is on the page.

    Without one, as of an explorer that waits for a run, it says what would be there, and can be updated later.
    """
    alt, encoded = html.escape(text), base64.b64encode(png).decode("ascii")
    picture = f'<img alt="{alt}" src="data:image/png;base64,{encoded}">' if png else f"<p>{alt}</p>"
    image = {"image/png": encoded} if png else {}
    return {"text/html": _HTML.substitute(id=view_id, picture=picture), **image, "text/plain": text}
