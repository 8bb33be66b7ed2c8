"""dg completion: what makes a shell complete the words of `dg`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that makes a SHELL complete commands and options.

    \b
    bash: dg completion bash > ~/.local/share/bash-completion/completions/dg
    zsh:  dg completion zsh > a folder of your fpath, as _dg
    fish: dg completion fish > ~/.config/fish/completions/dg.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "dg", "_DG_COMPLETE").source())
