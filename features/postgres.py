"""Tables of a PostgreSQL server, as Arrow: the one door to the ADBC driver."""

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc

from features.source_errors import SourceError

SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseTable:
    """What to read, and where.

    Attributes
    ----------
    address
        The address without user and password, for messages and manifests.
    """

    table: str
    uri: str
    statement: str
    address: str

    @classmethod
    def parse(cls, table: str, source: str) -> "DatabaseTable":
        """Take `postgresql://user@host/db?table=schema.table` (or `?query=…`) apart.

        Other parameters (`sslmode=require`) are handed to the server; special characters are
        percent-encoded (`%26` for `&`), and `+` means itself.

        Raises
        ------
        SourceError
            When the address does not name a host and exactly one of table and query.
        """
        parts = urlsplit(source)
        parameters = _parameters(parts)
        wanted = [unquote(parameters.pop(name, "")) for name in ("table", "query")]
        if not parts.netloc or sum(map(bool, wanted)) != 1:
            raise SourceError.bad_address(table, _problem(parts, wanted))
        name, query = wanted
        kept = "&".join(f"{key}={value}" for key, value in parameters.items())
        host = parts.netloc.rpartition("@")[2]
        return cls(
            table=table,
            uri=urlunsplit(parts._replace(query=kept)),
            statement=query or f"SELECT * FROM {_qualified(name)}",  # noqa: S608
            address=f"{parts.scheme}://{host}{parts.path}?"
            + (f"table={name}" if name else f"query={query}"),
        )


def read_database_table(wanted: DatabaseTable) -> pa.Table:
    """Read rows in a read-only transaction.

    Returns
    -------
    pyarrow.Table
        NUMERIC as float64; the order of rows means nothing.

    Raises
    ------
    SourceError
        When the server cannot be reached or refuses; the message holds no credentials.
    """
    try:
        with adbc.connect(wanted.uri) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(wanted.statement)
            table = cursor.fetch_arrow_table()
    except adbc.Error as error:
        reason = _masked(str(error), wanted.uri)
        # NOTE: from None, because the driver's own message may repeat the address whole.
        raise SourceError.database_failed(wanted.table, wanted.address, reason) from None
    columns = [_plain(table.column(index)) for index in range(table.num_columns)]
    return pa.table(columns, names=table.column_names)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Make the driver's text form of NUMERIC numbers again."""
    if not isinstance(column.type, pa.OpaqueType):
        return column
    stored = pa.chunked_array(
        [chunk.storage for chunk in column.chunks], type=column.type.storage_type
    )
    return pc.cast(stored, pa.float64()) if column.type.type_name == "numeric" else stored


def _problem(parts: SplitResult, wanted: list[str]) -> str:
    if not parts.netloc:
        return "no host"
    return "both table= and query=" if all(wanted) else "neither table= nor query="


def _qualified(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def _parameters(parts: SplitResult) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    return {name: value for name, _, value in pairs}


def _masked(reason: str, uri: str) -> str:
    parts = urlsplit(uri)
    credentials = parts.netloc.rpartition("@")[0]
    values = [unquote(value) for value in _parameters(parts).values()]
    secrets = [uri, credentials, *map(unquote, credentials.split(":")[1:]), *values]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        reason = reason.replace(secret, "***")
    return reason
