"""The command line, `dg`.

    main        the group of commands, and what becomes of exceptions
    lazy        commands that are imported when they are run
    commands    put get stat: files and a store
    listing     ls: buckets, keys and folders
    transfer    cp mv sync rm: many files, as aws s3 has it
    care        verify gc: looking after a store
    cache       the bases on this machine
    completion  what a shell needs to complete words
    delta       encode decode inspect: files alone
    options     what several commands share, as decorators
    place       a URL or path on the command line -> store and key
    output      lines, JSON, progress
    sides       what is below a folder or URL, for transfers
    spending    what transfers moved and took
    warnings    what the library warns of
    interrupt   what Ctrl-C does
    garbage     Python's search for it, put off while dg starts
    failure     exception -> words and exit code

Heavy imports stand in the commands that need them: `dg --help` loads click and nothing else.
"""

from deltaloft.cli.main import main

__all__ = ["main"]
