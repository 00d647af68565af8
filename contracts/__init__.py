"""What crosses a wire between Belfry's parts: frozen structs and one tree of failures; no I/O, no imports of ours."""
