"""A wrong declaration does not start: it fails when it is read, with words that say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry

from app import models
from app.auth.permissions import Permission
from app.engine import declare
from app.engine.declare import check, column, expression, graph_type, identity, related
from app.models.base import Base, by_company, key


@pytest.fixture(autouse=True)
def _leave_the_graph_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declare, "TYPES", dict(declare.TYPES))
    monkeypatch.setattr(declare, "MODELS", dict(declare.MODELS))


def declared(**fields: Any) -> dict[str, Any]:
    """A type over jobs with these fields; annotated ones come as (annotation, field)."""
    annotations = {name: made[0] for name, made in fields.items() if isinstance(made, tuple)}
    values = {name: made[1] if isinstance(made, tuple) else made for name, made in fields.items()}
    cls = type("Job", (), {"__annotations__": annotations, **values})
    return {"Job": graph_type(models.Job, allow=Permission.PROJECTS_READ, description="A job.")(cls)}


def test_a_right_declaration_passes() -> None:
    check(declared(id=(strawberry.ID, identity(models.Job)), title_en=(str | None, column(models.Job.title_en, description="Title"))))


def test_a_field_without_a_description_fails() -> None:
    with pytest.raises(TypeError, match="needs a description"):
        column(models.Job.title_ar, description="")


def test_a_type_without_a_permission_fails() -> None:
    with pytest.raises(TypeError, match="allow"):
        graph_type(models.Job, description="A job.")  # type: ignore[call-arg]


def test_a_table_that_does_not_say_whose_its_rows_are_fails() -> None:
    with pytest.raises(TypeError, match="scoped_by"):
        type("Nobodys", (Base,), {"__tablename__": "nobodys", "id": key()}, prefix="nob")


def test_a_nullable_column_under_a_non_null_field_fails() -> None:
    with pytest.raises(TypeError, match=r"Job\.title_en.*nullable column"):
        check(declared(title_en=(str, column(models.Job.title_en, description="Title"))))


def test_a_guard_on_a_non_null_field_fails() -> None:
    with pytest.raises(TypeError, match=r"Job\.title_ar is guarded"):
        check(declared(title_ar=(str, column(models.Job.title_ar, description="Title", allow=Permission.JOBS_WRITE))))


def test_a_field_without_a_source_fails() -> None:
    with pytest.raises(TypeError, match="declares no source"):
        check(declared(title_ar=(str, strawberry.field(description="Title"))))


def test_a_type_named_otherwise_than_its_model_fails() -> None:
    with pytest.raises(TypeError, match="one name for both"):
        graph_type(models.Job, allow=None, description="A job.")(type("Post", (), {}))


def test_a_guard_is_told_in_the_description() -> None:
    made = expression(lambda row, _: row.title_ar, description="Title", allow=Permission.JOBS_WRITE)

    assert made.description == "Title. Needs JOBS_WRITE."


def test_a_relation_takes_type_and_nullability_from_the_foreign_key() -> None:
    required, optional = related(models.Job.project_id, description="Project"), related(models.Job.city_id, description="City")

    assert (required.source.model, required.source.local) == (models.Project, "project_id")
    assert not isinstance(required.type_annotation.annotation, type(optional.type_annotation.annotation))


def test_scoped_tables_are_scoped_by_their_company() -> None:
    scoped = {mapper.class_.__name__ for mapper in Base.registry.mappers if "company_id" in mapper.local_table.c}

    assert {name for name in scoped if getattr(models, name).scoped_by is not by_company} == {"Session", "Ticket"}
