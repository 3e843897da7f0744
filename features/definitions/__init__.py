"""Source definitions: one YAML file each, checked as a whole before any data is read.

Its public face: `load.find_definition` and `load.load_definition`, which give a
`definition.SourceDefinition`.
"""
