"""Linker: every view of the package becomes one module in which each file sees only what it imports."""

import re
from pathlib import Path

import pytest

import genolab
from genolab.widgets.shared.linker import exports, link

PACKAGE = Path(genolab.__file__).parent
VIEWS = sorted(PACKAGE.rglob("view.js"))
SCRIPTS = sorted(PACKAGE.rglob("*.js"))


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text)
    return folder / "view.js"


def without_text(esm: str) -> str:
    """Return a module without its comments, strings and patterns."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`', "", esm, flags=re.DOTALL)


def names(view: Path) -> str:
    return view.parent.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("view", VIEWS, ids=names)
def test_a_view_of_the_package_is_one_module_with_one_default_export(view):
    esm, css = link(view)
    assert len(re.findall(r"^export default ", esm, flags=re.MULTILINE)) == 1
    assert not re.search(r"^(import |export (?!default))", esm, flags=re.MULTILINE)
    code = without_text(esm)
    assert [code.count(one) for one in "{(["] == [code.count(one) for one in "})]"]
    assert ".genolab {" in css
    assert css.count("{") == css.count("}")
    outside = re.sub(r"^const (\$file\d+) = \(\(\) => \{\n.*?^\}\)\(\);$", "", esm, flags=re.DOTALL | re.MULTILINE)
    own = set(re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", view.read_text(), flags=re.MULTILINE))
    top = set(re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", outside, flags=re.MULTILINE))
    assert top == own | {"PALETTE", "OUTLINES"}  # nothing of another file is seen but by its import


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.relative_to(PACKAGE).as_posix())
def test_a_script_belongs_to_a_view_and_uses_all_that_it_imports(script):
    assert script in VIEWS or any(f"// {script.relative_to(PACKAGE).as_posix()}\n" in link(view).esm for view in VIEWS)
    text = script.read_text()
    imported = re.findall(r'^import \{([^}]*)\} from "[^"]*";$', text, flags=re.MULTILINE)
    body = re.sub(r"^import [^;]*;$", "", text, flags=re.MULTILINE)
    for name in re.findall(r"\w+", " ".join(imported)):
        assert re.search(rf"\b{name}\b", body), name


def test_a_file_is_linked_once_and_before_those_that_import_it(tmp_path):
    view = written(
        tmp_path,
        view='import { b } from "./b.js";\nimport { c } from "./c.js";\nexport default { b, c };\n',
        b='import { c } from "./c.js";\nexport const b = c + 1;\n',
        c="export const c = 1;\n",
    )
    esm = link(view).esm
    assert esm.count("// c.js") == 1
    assert esm.index("// c.js") < esm.index("// b.js") < esm.index("export default")


def test_two_files_may_have_the_same_private_names(tmp_path):
    private = "const secret = 1;\nfunction hidden() {}\n"
    view = written(
        tmp_path,
        view=f'import {{ b }} from "./b.js";\n{private}export default b;\n',
        b=f"{private}export function b() {{}}\n",
    )
    esm = link(view).esm
    assert "return { b };\n})();" in esm
    assert exports(tmp_path / "b.js") == ["b"]


def test_a_circle_is_refused_with_its_files(tmp_path):
    view = written(
        tmp_path,
        view='import { a } from "./a.js";\nexport default a;\n',
        a='import { b } from "./b.js";\nexport const a = b;\n',
        b='import { a } from "./a.js";\nexport const b = a;\n',
    )
    with pytest.raises(ValueError, match=r"circle: view.js -> a.js -> b.js -> a.js"):
        link(view)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('import { nothing } from "./a.js";', r"view.js imports nothing from a.js, which doesn't export it"),
        ('import a from "./a.js";', r"isn't written as the linker reads it: import a from"),
        ('import { a as b } from "./a.js";', r"view.js imports a as b from a.js"),
        ("export { a };", r"isn't written as the linker reads it: export \{ a"),
    ],
)
def test_an_import_or_export_that_cannot_be_linked_is_refused(tmp_path, line, error):
    view = written(tmp_path, view=f"{line}\nexport default 1;\n", a="export const a = 1;\n")
    with pytest.raises(ValueError, match=error):
        link(view)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.js"):
        link(written(tmp_path, view='import { a } from "./gone.js";\nexport default a;\n'))
