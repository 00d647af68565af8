"""Compiled execution: an operation's plan is made once, kept, and run where graphql-core would interpret the document.

    cache.py     which plan an execution has: by operation, fragments and the variables of @skip and @include
    plan.py      what a plan is: fields and selections, each planned when execution first meets it
    reads.py     which fields are plain attribute reads, and of which classes
    calls.py     Strawberry's resolvers called without the parts of their chain that a field has no use for
    arguments.py  arguments as graphql-core coerces them, constants once
    conversions.py  arguments as Strawberry converts them, with names and types looked up once
    codegen.py   the straight-line Python that reads and completes them
    texts.py     the same writing JSON at once, for answers that are encoded and nothing else
    leaves.py    scalars and enums by exact type
    executor.py  graphql-core's executor, running plans
    tables.py    objects of a list that are executed many at once
    pending.py   parts of an answer that are not there yet, put together without a task for each
    shadow.py    both ways, compared
    modes.py     which of these, as `BELFRY_EXECUTION` says

A list whose objects are plain but for fields that are resolved `each` (schema/views.py) is asked for at once, field by
field, and filled as the loads arrive; an object of which something is odd is executed by itself.

Whatever generated code does not expect (a null where none may be, another type, an unknown class) goes, that value
alone, through graphql-core's own completion. So errors, their paths and null propagation are graphql-core's, always.
"""
