"""The directive ``{picture} pictures/NAME.py``: run the script, show the figure that it leaves, link to the script.

The body is the caption; ``:alt:`` is read aloud.  A script that fails fails the build.
"""

import runpy
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

FOLDER = "_build/pictures"  # beside the pages; not in the repository


class Picture(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec = {"alt": directives.unchanged_required, "width": directives.length_or_percentage_or_unitless}

    def run(self) -> list[nodes.Node]:
        relative, script = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        image = nodes.image(
            uri=f"/{FOLDER}/{draw(Path(script), Path(self.env.srcdir) / FOLDER)}", alt=self.options["alt"]
        )
        image["width"] = self.options.get("width", "100%")
        caption = nodes.caption("", "", *self.inline(" ".join(self.content)))
        figure = nodes.figure("", image, caption, align="center")
        self.set_source_info(figure)
        return [figure]

    def inline(self, text: str) -> list[nodes.Node]:
        """The caption, marked up as the page is."""
        holder = self.parse_text_to_nodes(text)
        return list(holder[0].children) if holder else []


def draw(script: Path, folder: Path) -> str:
    """The name of the picture that a script has drawn."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    pyplot.close("all")
    runpy.run_path(str(script), run_name="__main__")
    name = f"{script.stem}.png"
    pyplot.gcf().savefig(folder / name, dpi=130, bbox_inches="tight")
    pyplot.close("all")
    return name


def setup(app):
    app.add_directive("picture", Picture)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
