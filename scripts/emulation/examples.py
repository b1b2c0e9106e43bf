"""One valid use of each thing that no table of LocalAtlas names as a whole, to be tried on it.

The collection that they are tried on, `probe.py` describes.
"""

from typing import Any, Final

Examples = dict[str, Any]

_POINT: Final = {"type": "Point", "coordinates": [0, 0]}
_KNN_BETA: Final = {"path": "embedding", "vector": [1.0, 0.0], "k": 1}

TOP_LEVEL_QUERIES: Final[Examples] = {
    "$and": [{"number": 1}],
    "$comment": "why",
    "$expr": {"$eq": ["$number", 1]},
    "$jsonSchema": {"required": ["number"]},
    "$nor": [{"number": 1}],
    "$or": [{"number": 1}],
    "$sampleRate": 0.5,
    "$text": {"$search": "red"},
    "$where": "true",
}
FIELD_QUERIES: Final[Examples] = {
    "$all": [1],
    "$bitsAllClear": 1,
    "$bitsAllSet": 1,
    "$bitsAnyClear": 1,
    "$bitsAnySet": 1,
    "$elemMatch": {"$gt": 1},
    "$eq": 1,
    "$exists": True,
    "$geoIntersects": {"$geometry": _POINT},
    "$geoWithin": {"$centerSphere": [[0, 0], 1]},
    "$gt": 1,
    "$gte": 1,
    "$in": [1],
    "$lt": 1,
    "$lte": 1,
    "$mod": [2, 1],
    "$ne": 1,
    "$near": {"$geometry": _POINT},
    "$nearSphere": {"$geometry": _POINT},
    "$nin": [1],
    "$not": {"$gt": 1},
    "$regex": "^r",
    "$size": 1,
    "$type": "int",
}
INDEX_OPTIONS: Final[Examples] = {
    "collation": {"locale": "en"},
    "expireAfterSeconds": 60,
    "hidden": True,
    "partialFilterExpression": {"number": {"$gt": 1}},
    "sparse": True,
    "storageEngine": {"wiredTiger": {}},
    "unique": True,
}
INDEX_KEYS: Final[Examples] = {
    "ascending and descending": {"a": 1, "b": -1},
    "nested paths": {"a.b": 1},
    "`2d`": {"a": "2d"},
    "`2dsphere`": {"a": "2dsphere"},
    "`hashed`": {"a": "hashed"},
    "`text`": {"a": "text"},
    "wildcard `$**`": {"$**": 1},
}

_VECTOR: Final = {"numDimensions": 8, "similarity": "cosine"}
VECTOR_INDEX_FIELDS: Final[Examples] = {
    "autoEmbed": {"path": "a", "model": "voyage-4", "modality": "text"},
    "filter": {"path": "a"},
    "vector": {"path": "a", **_VECTOR},
}
VECTOR_INDEX_OPTIONS: Final[dict[str, Examples]] = {
    "hnswOptions": {"hnswOptions": {"maxEdges": 16, "numEdgeCandidates": 100}},
    "`indexingMethod: flat`": {"indexingMethod": "flat"},
    "`quantization: binary`": {"quantization": "binary"},
    "`quantization: scalar`": {"quantization": "scalar"},
}
SEARCH_INDEX_FIELDS: Final[Examples] = {
    "autoEmbedVector": {"model": "voyage-4", "modality": "text"},
    "autocomplete": {},
    "boolean": {},
    "date": {},
    "document": {"dynamic": True},
    "embeddedDocuments": {"dynamic": True},
    "geo": {},
    "knnVector": {"dimensions": 8, "similarity": "cosine"},
    "number": {},
    "objectId": {},
    "string": {},
    "token": {},
    "uuid": {},
    "vector": _VECTOR,
}

VECTOR_SEARCH_FIELDS: Final[dict[str, Examples]] = {
    "exact": {"exact": True},
    "filter": {"numCandidates": 10, "filter": {"number": 1}},
    "numCandidates": {"numCandidates": 10},
    "returnStoredSource": {"numCandidates": 10, "returnStoredSource": True},
    "`query` (automated embedding)": {"numCandidates": 10, "query": "red", "queryVector": None},
    "parentFilter": {
        "index": "nested", "path": "variants.embedding", "numCandidates": 10,
        "parentFilter": {"number": 1},
    },
    "nestedOptions": {
        "index": "nested", "path": "variants.embedding", "numCandidates": 10,
        "nestedOptions": {"scoreMode": "avg"},
    },
}  # fmt: skip
VECTOR_SEARCH_FILTERS: Final[Examples] = {
    "$and": {"$and": [{"number": 1}]},
    "$eq": {"number": {"$eq": 1}},
    "$exists": {"number": {"$exists": True}},
    "$gt": {"number": {"$gt": 1}},
    "$gte": {"number": {"$gte": 1}},
    "$in": {"number": {"$in": [1]}},
    "$lt": {"number": {"$lt": 1}},
    "$lte": {"number": {"$lte": 1}},
    "$ne": {"number": {"$ne": 1}},
    "$nin": {"number": {"$nin": [1]}},
    "$nor": {"$nor": [{"number": 1}]},
    "$not": {"number": {"$not": {"$eq": 1}}},
    "$or": {"$or": [{"number": 1}]},
}

_EQUALS: Final = {"path": "number", "value": 1}
_TEXT: Final = {"path": "title", "query": "red"}
SEARCH_OPERATORS: Final[Examples] = {
    "autocomplete": {"path": "prefix", "query": "re"},
    "compound": {"must": [{"equals": _EQUALS}]},
    "embeddedDocument": {"path": "parts", "operator": {"exists": {"path": "parts.name"}}},
    "equals": _EQUALS,
    "exists": {"path": "number"},
    "facet": {
        "operator": {"equals": _EQUALS},
        "facets": {"numbers": {"type": "number", "path": "number", "boundaries": [0, 2]}},
    },
    "geoShape": {"path": "place", "relation": "within", "geometry": _POINT},
    "geoWithin": {"path": "place", "circle": {"center": _POINT, "radius": 1}},
    "in": {"path": "number", "value": [1]},
    "knnBeta": _KNN_BETA,
    "moreLikeThis": {"like": [{"title": "red"}]},
    "near": {"path": "number", "origin": 1, "pivot": 1},
    "phrase": _TEXT,
    "queryString": {"defaultPath": "title", "query": "red"},
    "range": {"path": "number", "gte": 1},
    "regex": {"path": "token", "query": "r.*"},
    "span": {"term": _TEXT},
    "text": _TEXT,
    "vectorSearch": {
        "path": "modern", "queryVector": [1.0, 0.0], "numCandidates": 10, "limit": 1,
    },
    "wildcard": {"path": "token", "query": "r*"},
}  # fmt: skip
NEVER_IN_A_FILTER: Final = frozenset({"facet", "knnBeta", "vectorSearch"})  # the engine nests none
_WORDS: Final = {"value": "title", "multi": "words"}
TEXT_OPTIONS: Final[dict[str, Examples]] = {
    "fuzzy": {"text": {**_TEXT, "fuzzy": {"maxEdits": 1}}},
    "matchCriteria": {"text": {**_TEXT, "matchCriteria": "all"}},
    "slop": {"phrase": {**_TEXT, "slop": 1}},
    "synonyms": {"text": {**_TEXT, "synonyms": "colours"}},
    "`path` with `multi`": {"text": {**_TEXT, "path": _WORDS}},
    "`path` with `wildcard`": {"text": {**_TEXT, "path": {"wildcard": "ti*"}}},
    "custom analyzers": {"text": {**_TEXT, "path": "own"}},
}
# Without `sort`: the engine takes none beside an operator on vectors.
SEARCH_OPTIONS: Final[Examples] = {
    "concurrent": True,
    "count": {"type": "total"},
    "highlight": {"path": "title"},
    "returnStoredSource": True,
    "scoreDetails": True,
    "searchAfter": "token",
}
SCORE_OPTIONS: Final[Examples] = {
    "boost": {"value": 2},
    "constant": {"value": 2},
    "function": {"multiply": [{"score": "relevance"}, {"constant": 2}]},
}
