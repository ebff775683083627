/* The record of a result, and how it is shown. */
#include "common/printable.h"
#include "daemon/ready/ready_private.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 500 };

static const struct record_field finding_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct ready_finding, check, NULL),
	RECORD_FIELD(RECORD_INT, 2, struct ready_finding, grade, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct ready_finding, name, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct ready_finding, text, NULL),
};

static const struct record_class finding_class = RECORD_CLASS(
	"finding", STORE_READY, struct ready_finding, finding_fields, unknown);

static const struct record_field ready_fields[] = {
	RECORD_FIELD_LIST(1, struct ready_state, findings, NULL, &finding_class),
	RECORD_FIELD(RECORD_INT, 2, struct ready_state, checked_at, NULL),
	RECORD_FIELD(RECORD_INT, 3, struct ready_state, grade, NULL),
	RECORD_FIELD(RECORD_INT, 4, struct ready_state, troubles, NULL),
};

const struct record_class ready_class = RECORD_CLASS(
	"readiness", STORE_READY, struct ready_state, ready_fields, unknown);

const char *
ready_grade_name(int64_t grade)
{
	static const char *const names[] = { "ok", "note", "warning", "blocked" };

	return grade >= 0 && (size_t)grade < ARRAY_SIZE(names) ? names[grade] : "warning";
}

void
ready_list_add(struct record_list *list, const char *check, enum ready_grade grade, const char *name, const char *text)
{
	struct ready_finding *f = record_list_add(&finding_class, list);

	f->check = xstrdup(check);
	f->grade = grade;
	f->name = xstrdup_null(name);
	f->text = printable_line(text, strlen(text), TEXT_MAX);
}

void
ready_findings_clear(struct record_list *findings)
{
	record_list_clear(&finding_class, findings);
}

bool
ready_is_trouble(const struct ready_state *s)
{
	return s->grade >= READY_BLOCKED || (s->grade == READY_WARNING && s->troubles > 1);
}

static const struct ready_finding *
finding_at(const struct record_list *findings, size_t i)
{
	return (const struct ready_finding *)findings->items + i;
}

int64_t
ready_worst(const struct record_list *list)
{
	int64_t worst = READY_OK;

	for (size_t i = 0; i < list->count; i++)
		if (finding_at(list, i)->grade > worst)
			worst = finding_at(list, i)->grade;
	return worst;
}

void
ready_lines(const struct ready_state *s, enum ready_grade grade, struct strlist *ret)
{
	for (size_t i = 0; i < s->findings.count; i++) {
		const struct ready_finding *f = finding_at(&s->findings, i);

		if (f->grade >= (int64_t)grade)
			strlist_take(ret, xasprintf("%s (%s): %s", f->name ? f->name : "renewal", f->check, f->text));
	}
}

static void
add_row(struct json_object *rows, const char *check, int64_t grade, const char *name, const char *text)
{
	struct json_object *row = json_object_new_object();

	json_add_string(row, "check", check);
	json_add_string(row, "grade", ready_grade_name(grade));
	json_add_string(row, "name", name);
	json_add_string(row, "message", text);
	json_object_array_add(rows, row);
}

static void
add_finding(struct json_object *rows, const struct ready_finding *f)
{
	add_row(rows, f->check, f->grade, f->name, f->text);
}

struct json_object *
ready_list_to_json(const struct record_list *findings)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < findings->count; i++)
		add_finding(rows, finding_at(findings, i));
	return rows;
}

struct json_object *
ready_findings_to_json(const struct ready_state *s)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < ready_n_checks; i++) {
		bool has_finding = false;

		for (size_t j = 0; j < s->findings.count; j++) {
			const struct ready_finding *f = finding_at(&s->findings, j);

			if (strcmp(f->check, ready_checks[i]->word) != 0)
				continue;
			add_finding(rows, f);
			has_finding = true;
		}
		if (!has_finding)
			add_row(rows, ready_checks[i]->word, READY_OK, NULL, NULL);
	}
	return rows;
}
