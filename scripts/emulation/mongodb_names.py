"""Names that MongoDB 8.2 documents, to tell which of them LocalAtlas does not have.

Commands for clusters, roles and diagnosis that no application sends are left out.
https://www.mongodb.com/docs/manual/reference/
"""

from typing import Final

COMMANDS: Final = frozenset({
    "abortTransaction", "aggregate", "autoCompact", "buildInfo", "bulkWrite", "collMod",
    "collStats", "commitTransaction", "compact", "connectionStatus", "convertToCapped", "count",
    "create", "createIndexes", "createSearchIndexes", "createUser", "currentOp", "dataSize",
    "dbHash", "dbStats", "delete", "distinct", "drop", "dropDatabase", "dropIndexes",
    "dropSearchIndex", "dropUser", "endSessions", "explain", "find", "findAndModify", "fsync",
    "getCmdLineOpts", "getLog", "getMore", "getParameter", "hello", "hostInfo", "insert",
    "isMaster", "killAllSessions", "killCursors", "killOp", "killSessions", "listCollections",
    "listCommands", "listDatabases", "listIndexes", "listSearchIndexes", "mapReduce", "ping",
    "profile", "refreshSessions", "reIndex", "renameCollection", "replSetGetStatus", "saslContinue",
    "saslStart", "serverStatus", "setParameter", "shutdown", "startSession", "top", "update",
    "updateSearchIndex", "usersInfo", "validate", "whatsmyuri",
})  # fmt: skip

STAGES: Final = frozenset({
    "$addFields", "$bucket", "$bucketAuto", "$changeStream", "$changeStreamSplitLargeEvent",
    "$collStats", "$count", "$currentOp", "$densify", "$documents", "$facet", "$fill", "$geoNear",
    "$graphLookup", "$group", "$indexStats", "$limit", "$listLocalSessions", "$listSampledQueries",
    "$listSearchIndexes", "$listSessions", "$lookup", "$match", "$merge", "$out", "$planCacheStats",
    "$project", "$querySettings", "$queryStats", "$rankFusion", "$redact", "$replaceRoot",
    "$replaceWith", "$sample", "$score", "$scoreFusion", "$search", "$searchMeta", "$set",
    "$setWindowFields", "$shardedDataDistribution", "$skip", "$sort", "$sortByCount", "$unionWith",
    "$unset", "$unwind", "$vectorSearch",
})  # fmt: skip

EXPRESSIONS: Final = frozenset({
    "$abs", "$acos", "$acosh", "$add", "$allElementsTrue", "$and", "$anyElementTrue",
    "$arrayElemAt", "$arrayToObject", "$asin", "$asinh", "$atan", "$atan2", "$atanh", "$avg",
    "$binarySize", "$bitAnd", "$bitNot", "$bitOr", "$bitXor", "$bsonSize", "$ceil", "$cmp",
    "$concat", "$concatArrays", "$cond", "$convert", "$cos", "$cosh", "$dateAdd", "$dateDiff",
    "$dateFromParts", "$dateFromString", "$dateSubtract", "$dateToParts", "$dateToString",
    "$dateTrunc", "$dayOfMonth", "$dayOfWeek", "$dayOfYear", "$degreesToRadians", "$divide", "$eq",
    "$exp", "$filter", "$first", "$firstN", "$floor", "$function", "$getField", "$gt", "$gte",
    "$hour", "$ifNull", "$in", "$indexOfArray", "$indexOfBytes", "$indexOfCP", "$isArray",
    "$isNumber", "$isoDayOfWeek", "$isoWeek", "$isoWeekYear", "$last", "$lastN", "$let", "$literal",
    "$ln", "$log", "$log10", "$lt", "$lte", "$ltrim", "$map", "$max", "$maxN", "$median",
    "$mergeObjects", "$meta", "$millisecond", "$min", "$minN", "$minute", "$mod", "$month",
    "$multiply", "$ne", "$not", "$objectToArray", "$or", "$percentile", "$pow", "$radiansToDegrees",
    "$rand", "$range", "$reduce", "$regexFind", "$regexFindAll", "$regexMatch", "$replaceAll",
    "$replaceOne", "$reverseArray", "$round", "$rtrim", "$second", "$setDifference", "$setEquals",
    "$setField", "$setIntersection", "$setIsSubset", "$setUnion", "$sigmoid", "$sin", "$sinh",
    "$size", "$slice", "$sortArray", "$split", "$sqrt", "$stdDevPop", "$stdDevSamp", "$strcasecmp",
    "$strLenBytes", "$strLenCP", "$substr", "$substrBytes", "$substrCP", "$subtract", "$sum",
    "$switch", "$tan", "$tanh", "$toBool", "$toDate", "$toDecimal", "$toDouble",
    "$toHashedIndexKey", "$toInt", "$toLong", "$toLower", "$toObjectId", "$toString", "$toUpper",
    "$toUUID", "$trim", "$trunc", "$tsIncrement", "$tsSecond", "$type", "$unsetField", "$week",
    "$year", "$zip",
})  # fmt: skip

ACCUMULATORS: Final = frozenset({
    "$accumulator", "$addToSet", "$avg", "$bottom", "$bottomN", "$concatArrays", "$count", "$first",
    "$firstN", "$last", "$lastN", "$max", "$maxN", "$median", "$mergeObjects", "$min", "$minN",
    "$percentile", "$push", "$setUnion", "$stdDevPop", "$stdDevSamp", "$sum", "$top", "$topN",
})  # fmt: skip

UPDATES: Final = frozenset({
    "$addToSet", "$bit", "$currentDate", "$inc", "$max", "$min", "$mul", "$pop", "$pull",
    "$pullAll", "$push", "$rename", "$set", "$setOnInsert", "$unset",
})  # fmt: skip
