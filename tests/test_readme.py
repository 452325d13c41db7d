"""What the README shows runs as written, and `import jaxmed` is what its docstring says."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxmed

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _python(code, folder, **environment):
    """Run `code` in a fresh interpreter that finds jaxmed and works in `folder`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_the_examples_run_as_written(tmp_path):
    rows = ["patient,age,creatinine,diagnosis"]
    rows += [
        f"{n % 20},{40 + n},{1 + n / 40},{'ill' if n % 20 > 9 else 'healthy'}" for n in range(40)
    ]
    (tmp_path / "patients.csv").write_text("\n".join(rows))
    for name in ("healthy", "ill"):
        (tmp_path / "scans" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((32, 30), np.uint8)).save(tmp_path / "scans" / name / "1.png")

    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", README, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    code = "\n".join(textwrap.dedent(block) for _, block in blocks)
    code += "\nprint('auroc', result.metrics['auroc'].value, 'devices', placement.pmap().devices)"
    code += "\nprint('members', members.step.tolist(), 'rows', len(own_train) + len(own_test))"
    done = _python(
        code, tmp_path, TFDS_DATA_DIR=str(tmp_path / "prepared"), JAX_NUM_CPU_DEVICES="8"
    )
    assert done.returncode == 0, done.stderr
    assert "114 predictions" in done.stdout
    found = re.search(r"^auroc ([\d.]+) devices 8$", done.stdout, flags=re.MULTILINE)
    assert float(found[1]) > 0.95
    assert "(114, 30)" in done.stdout  # an attribution
    assert "members [11, 11, 11, 11, 11] rows 40" in done.stdout


def test_the_first_example_has_at_most_fifteen_lines_and_three_imports():
    example = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)[1]
    statements = [line for line in example.splitlines() if line.strip()]
    assert len(statements) <= 15
    assert sum("import" in line for line in statements) <= 3


@pytest.mark.parametrize("name", ["main-job", "tests"])
def test_each_command_is_one_line_that_sets_itself_up(name):
    """`.ci/run` takes its commands from these places of the README, so they cannot differ."""
    (command,) = re.findall(rf"^<!-- ci: {name} -->\n```sh\n(.+)\n```$", README, flags=re.MULTILINE)
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_files_and_modules_that_the_readme_names_are_there():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
    for words in re.findall(r"`(jaxmed(?:\.\w+)+)`", README):
        path = ROOT.joinpath(*words.split("."))
        assert path.is_dir() or path.with_suffix(".py").is_file(), words


def test_parts_are_loaded_when_they_are_used(tmp_path):
    code = "import sys, jaxmed; jaxmed.data.subset; print({'jax', 'flax'} & sys.modules.keys())"
    assert _python(code, tmp_path).stdout.strip() == "set()"
    assert set(jaxmed.__all__) <= set(dir(jaxmed))
    with pytest.raises(AttributeError, match="has no attribute 'taks'"):
        jaxmed.taks  # noqa: B018


def test_the_version_is_that_of_the_package():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^version = "(.+)"$', text, flags=re.MULTILINE)[1] == jaxmed.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{jaxmed.__version__}]" in changes
