"""Names that the real server knows and LocalAtlas does not emulate.

What LocalAtlas lacks is refused with the real server's words for something unknown, and a note that
the fault is LocalAtlas's. A name that the real server does not know either is refused in its words
alone, so that a misspelt operator reads the same on both.
https://www.mongodb.com/docs/manual/reference/
"""

from typing import Final

from .errors import NOT_EMULATED, CommandError


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMANDS: Final = _names(
    """
    analyze applyOps authenticate autoCompact cloneCollectionAsCapped
    compact connPoolStats convertToCapped createRole createUser
    cursorInfo dataSize dbHash dropAllRolesFromDatabase dropAllUsersFromDatabase dropConnections
    dropRole dropUser enableSharding explain filemd5 fsyncUnlock getClusterParameter
    getDiagnosticData grantPrivilegesToRole grantRolesToRole grantRolesToUser
    invalidateUserCache listShards lockInfo logRotate mapReduce
    planCacheClear planCacheClearFilters planCacheListFilters planCacheSetFilter reIndex
    replSetInitiate replSetReconfig replSetStepDown revokePrivilegesFromRole revokeRolesFromRole
    revokeRolesFromUser rotateCertificates saslContinue saslStart setAllowMigrations
    setClusterParameter setDefaultRWConcern setFeatureCompatibilityVersion setIndexCommitQuorum
    setParameter setProfilingFilterGlobally shardCollection shutdown top updateRole updateUser
    validateDBMetadata
    """
)

STAGES: Final = _names(
    """
    $currentOp $densify $fill
    $geoNear $indexStats $listCatalog $listClusterCatalog
    $listSampledQueries $listSessions $planCacheStats $querySettings $queryStats
    $rankFusion $rerank $score $scoreFusion $searchMeta $shardedDataDistribution
    """
)

QUERY_OPERATORS: Final = _names(
    """
    $alwaysFalse $alwaysTrue $geoIntersects $geoNear $geoWithin $maxDistance
    $minDistance $near $nearSphere $sampleRate $text $uniqueDocs $where $within
    """
)

EXPRESSIONS: Final = _names(
    """
    $createObjectId $encStrContains $encStrEndsWith
    $encStrNormalizedEq $encStrStartsWith $function $indexOfBytes $median $percentile $sigmoid
    $subtype $toHashedIndexKey $toUUID
    """
)

ACCUMULATORS: Final = _names(
    """
    $accumulator $concatArrays $median $percentile $setUnion
    """
)

WINDOW_FUNCTIONS: Final = _names(
    """
    $concatArrays $covariancePop $covarianceSamp $derivative $expMovingAvg $integral $linearFill
    $locf $median $minMaxScalar $percentile $setUnion
    """
)

ANALYZERS: Final = _names(
    """
    lucene.arabic lucene.armenian lucene.basque lucene.bengali lucene.brazilian lucene.bulgarian
    lucene.catalan lucene.chinese lucene.cjk lucene.czech lucene.danish lucene.dutch
    lucene.finnish lucene.french lucene.galician lucene.german lucene.greek
    lucene.hindi lucene.hungarian lucene.indonesian lucene.irish lucene.italian lucene.japanese
    lucene.korean lucene.kuromoji lucene.latvian lucene.lithuanian lucene.morfologik lucene.nori
    lucene.norwegian lucene.persian lucene.polish lucene.portuguese lucene.romanian
    lucene.russian lucene.smartcn lucene.sorani lucene.spanish lucene.swedish lucene.thai
    lucene.turkish lucene.ukrainian
    """
)

FIELDS: Final = _names(
    """
    allowPartialResults arrayFilters authorizedCollections awaitData bypassDocumentValidation
    capped changeStreamPreAndPostImages clusteredIndex collation collectionUUID commitQuorum
    encryptedFields encryptionInformation exchange expireAfterSeconds explain fromMigrate
    idIndex indexOptionDefaults isMapReduceCommand max maxAwaitTimeMS min noCursorTimeout
    oplogReplay pipeline querySettings recordPreImages returnKey runtimeConstants sampleId
    showRecordId size snapshot storageEngine tailable timeseries useNewUpsert validationAction
    validationLevel validator viewOn
    """
)


def note_on(name: str, known: frozenset[str]) -> str:
    """Return the note ` (not emulated by LocalAtlas)` on a known name, nothing on another."""
    return f" {NOT_EMULATED}" if name in known else ""


def unknown_command(name: str) -> CommandError:
    """Return error 59, the real server's for an unknown command."""
    return CommandError(
        59, "CommandNotFound", f"no such command: '{name}'{note_on(name, COMMANDS)}"
    )


def unknown_stage(name: str) -> CommandError:
    """Return error 40324, the real server's for an unknown pipeline stage."""
    return CommandError(
        40324,
        "Location40324",
        f"Unrecognized pipeline stage name: '{name}'{note_on(name, STAGES)}",
    )
