"""Queries that the model may not run, and queries that it may."""

from __future__ import annotations

import pytest

from rageval.retrieval.graph.check_cypher import RefusedQueryError, checked_query

ATTACKS = [
    "CREATE (:Entity {name: 'x'})",
    "MATCH (a:Entity) SET a.name = 'x' RETURN a.name LIMIT 1",
    "MATCH (a:Entity) dEtAcH DeLeTe a RETURN 1 LIMIT 1",
    "MATCH (a:Entity) RETURN a.name LIMIT 1; DROP TABLE Entity",
    "MATCH (a:Entity) /* */ DELETE a RETURN a.name LIMIT 1",
    "MATCH (a:Entity) // '\nDELETE a RETURN a.name LIMIT 1",
    "MATCH (a:Entity {name: 'x\\'}) DELETE a RETURN '' LIMIT 1",
    "MATCH (create:Entity) CREATE (create)-[:Fact]->(create) RETURN create LIMIT 1",
    "MATCH (a:Entity) MERGE (b:Entity {name: 'y'}) RETURN b.name LIMIT 1",
    "MATCH (a:Entity) ＤＥＬＥＴＥ a RETURN a.name LIMIT 1",
    "MATCH (a:Entity)\u2028DELETE a RETURN a.name LIMIT 1",
    "MATCH (`a` :Entity) RETURN `a`.name LIMIT 1",
    "LOAD FROM '/etc/passwd' RETURN * LIMIT 5",
    "MATCH (a:Entity) LOAD FROM 'secrets.csv' (HEADER=true) RETURN * LIMIT 5",
    "COPY (MATCH (a:Entity) RETURN a.name) TO 'out.csv'",
    "MATCH (a:Entity) CALL show_tables() RETURN * LIMIT 5",
    "CALL show_functions() RETURN * LIMIT 5",
    "INSTALL httpfs; LOAD EXTENSION httpfs",
    "ATTACH 'other.db' AS other (dbtype lbug)",
    "EXPORT DATABASE 'everywhere'",
    "IMPORT DATABASE 'elsewhere'",
    "MATCH (a:Entity)-[f:Fact*]->(b:Entity) RETURN b.name LIMIT 5",
    "MATCH (a:Entity)-[f:Fact*1..]->(b:Entity) RETURN b.name LIMIT 5",
    "MATCH (a:Entity)-[f:Fact*1..30]->(b:Entity) RETURN b.name LIMIT 5",
    "MATCH (a:Entity)-[:Fact*..]-(b:Entity) RETURN b.name LIMIT 5",
    "MATCH (a:Entity)-[f:Fact* SHORTEST 1..4]->(b:Entity) RETURN b.name LIMIT 5",
    "MATCH (a:Entity)-[:Fact*1..4]->(b:Entity)-[:Fact*1..4]->(c:Entity) RETURN c.name LIMIT 5",
    "MATCH (a:Entity), (b:Entity), (c:Entity), (d:Entity) RETURN count(*) LIMIT 1",
    "MATCH (a:Entity) UNWIND range(1, 1000000000) AS n RETURN n LIMIT 5",
    "MATCH (a:Entity) RETURN repeat(a.name, 1000000000) LIMIT 5",
    "MATCH (a:Entity) WHERE a.name =~ '(a+)+$' RETURN a.name LIMIT 5",
    "MATCH (a:Entity) WHERE a.name = $name RETURN a.name LIMIT 5",
    "MATCH (a:Entity) RETURN a.name",
    "MATCH (a:Entity) RETURN a.name LIMIT 1000000",
    "MATCH (a:Entity) RETURN a.name LIMIT 5 UNION MATCH (a:Entity) DELETE a RETURN 1 LIMIT 5",
    "MATCH (a:User) RETURN a.password LIMIT 5",
    "MATCH (a:Entity) WHERE EXISTS { MATCH (a)-[:Fact]->(b) } RETURN a.name LIMIT 5",
    "EXPLAIN MATCH (a:Entity) RETURN a.name LIMIT 5",
    "BEGIN TRANSACTION",
    "MATCH (a:Entity) RETURN a.name AS set LIMIT 5",
    "MATCH (a:Entity) WHERE a.name = '" + "x" * 1000 + "' RETURN a.name LIMIT 5",
    "",
    "I cannot answer that.",
]
HONEST = [
    "MATCH (a:Entity)-[f:Fact]->(b:Entity) WHERE a.name = 'Ann Lee' RETURN b.name LIMIT 5",
    "match (a:Entity {name: 'Harbour'})-[:Fact]->(b)-[f:Fact]->(c) return c.name, f.relation limit 10;",
    "MATCH (a:Entity)<-[f:Fact]-(b:Entity) WHERE lower(a.name) CONTAINS 'delmar' RETURN DISTINCT b.name LIMIT 50",
    'MATCH (a:Entity)-[f:Fact]-(b:Entity) WHERE a.name = "Ann Lee\'s house" RETURN f.relation, b.name LIMIT 3',
    "MATCH (a:Entity)-[f:Fact*1..3]->(b:Entity) WHERE a.name STARTS WITH '东湖' RETURN b.name LIMIT 5",
    "MATCH (a:Entity {name: 'DELETE everything; DROP TABLE'})-[f:Fact]->(b) RETURN b.name LIMIT 5",
    "MATCH (a:Entity)-[f:Fact]->(b:Entity) WITH a, count(f) AS n WHERE n > 2 RETURN a.name, n ORDER BY n DESC LIMIT 5",
    "MATCH (a:Entity) WHERE NOT a.name IS NULL AND (a.name <> 'x' OR size(a.name) >= 3) RETURN count(*) LIMIT 1",
    "OPTIONAL MATCH (a:Entity)-[:Fact]->(b:Entity) RETURN coalesce(b.name, 'none') AS name_of SKIP 2 LIMIT 5",
    "MATCH (a:Entity), (b:Entity) WHERE a.name = 'x' AND b.name = 'y' RETURN collect(a.name) LIMIT 1",
    "MATCH (a:Entity)-[f:Fact {relation: '位于'}]->(b) RETURN b.name, f.document LIMIT 5",
]


@pytest.mark.parametrize("query", ATTACKS)
def test_an_attack_is_refused(query: str) -> None:
    with pytest.raises(RefusedQueryError, match="expected"):
        checked_query(query)


@pytest.mark.parametrize("query", HONEST)
def test_an_honest_query_is_accepted(query: str) -> None:
    assert checked_query(f"\n{query} ") == query.removesuffix(";")


def test_there_are_enough_of_both() -> None:
    assert len({*ATTACKS}) >= 20
    assert len({*HONEST}) >= 10
