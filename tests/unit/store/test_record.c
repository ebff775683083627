/* Structs to octets and back. */
#include "daemon/store/object.h"
#include "daemon/store/record.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <string.h>

static struct tmp_store t;

static void
setup(void)
{
	tmp_store_init(&t, 0);
}

static void
teardown(void)
{
	tmp_store_clear(&t);
}

TestSuite(record, .init = setup, .fini = teardown);

struct inner {
	char *text;
	struct secret secret;
	struct buf unknown;
};

struct outer {
	char *text;
	int64_t number;
	bool flag;
	struct strlist list;
	struct buf bytes;
	struct secret secret;
	struct error error;
	struct record_list inners;
	int plain; /* no field */
	struct buf unknown;
};

static const struct record_field inner_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct inner, text, NULL),
	RECORD_FIELD(RECORD_SECRET, 2, struct inner, secret, NULL),
};
static const struct record_class inner_class = {
	.name = "inner",
	.db = STORE_TOKEN,
	.size = sizeof(struct inner),
	.fields = inner_fields,
	.n_fields = ARRAY_SIZE(inner_fields),
	.unknown = offsetof(struct inner, unknown),
};

static const struct record_field outer_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct outer, text, NULL),
	RECORD_FIELD(RECORD_INT, 2, struct outer, number, NULL),
	RECORD_FIELD(RECORD_BOOL, 3, struct outer, flag, NULL),
	RECORD_FIELD(RECORD_STRLIST, 4, struct outer, list, NULL),
	RECORD_FIELD(RECORD_BYTES, 5, struct outer, bytes, NULL),
	RECORD_FIELD(RECORD_SECRET, 6, struct outer, secret, NULL),
	RECORD_FIELD(RECORD_ERROR, 7, struct outer, error, NULL),
	RECORD_FIELD_LIST(8, struct outer, inners, NULL, &inner_class),
};
static const struct record_class outer_class = {
	.name = "outer",
	.db = STORE_TOKEN,
	.size = sizeof(struct outer),
	.fields = outer_fields,
	.n_fields = ARRAY_SIZE(outer_fields),
	.unknown = offsetof(struct outer, unknown),
};

static void
make_outer(struct outer *o)
{
	struct inner *inner;

	*o = (struct outer){ .text = xstrdup(""), .number = INT64_MIN + 5, .flag = true, .plain = 17 };
	strlist_add(&o->list, "one");
	strlist_add(&o->list, "");
	buf_add(&o->bytes, "a\0b", 3);
	secret_set(&o->secret, "outer secret", 12);
	error_set_field(&o->error, "commonName", "is not allowed");
	o->error.may_retry = true;
	o->error.retry_at = 1234567890123;
	str_replace(&o->error.problem, "rejectedIdentifier");
	inner = record_list_add(&inner_class, &o->inners);
	inner->text = xstrdup("first");
	inner = record_list_add(&inner_class, &o->inners);
	secret_set(&inner->secret, "inner secret", 12);
}

static void
expect_like_outer(const struct outer *o, bool with_secrets)
{
	const struct inner *inners = o->inners.items;

	cr_expect_str_eq(o->text, "");
	cr_expect_eq(o->number, INT64_MIN + 5);
	cr_expect(o->flag);
	cr_assert_eq(o->list.count, 2);
	cr_expect_str_eq(o->list.items[0], "one");
	cr_expect_str_eq(o->list.items[1], "");
	cr_expect_eq(o->bytes.len, 3);
	cr_expect_eq(memcmp(o->bytes.data, "a\0b", 3), 0);
	cr_expect_eq(o->error.code, ERROR_INVALID);
	cr_expect(o->error.may_retry);
	cr_expect_eq(o->error.retry_at, 1234567890123);
	cr_expect_str_eq(o->error.field, "commonName");
	cr_expect_str_eq(o->error.problem, "rejectedIdentifier");
	cr_expect_str_eq(o->error.message, "is not allowed");
	cr_assert_eq(o->inners.count, 2);
	cr_expect_str_eq(inners[0].text, "first");
	cr_expect_null(inners[1].text);
	cr_expect_eq(o->secret.len, with_secrets ? 12 : 0);
	cr_expect_eq(inners[1].secret.len, with_secrets ? 12 : 0);
}

Test(record, every_type_of_field_comes_back)
{
	struct outer a;
	struct outer b = { .text = NULL };
	_cleanup_buf_ struct buf record = BUF_INIT;

	make_outer(&a);
	cr_assert_eq(record_encode(t.store, &outer_class, "id", &a, &record, NULL), 0);
	cr_expect_null(memmem(record.data, record.len, "secret", 6));
	cr_assert_eq(record_decode(t.store, &outer_class, "id", record.data, record.len, &b, NULL), 0);
	expect_like_outer(&b, true);
	cr_expect(secret_equal(&a.secret, &b.secret));
	record_clear(&outer_class, &b);
	cr_assert_eq(record_decode(NULL, &outer_class, "id", record.data, record.len, &b, NULL), 0);
	expect_like_outer(&b, false);
	record_clear(&outer_class, &a);
	record_clear(&outer_class, &b);
}

Test(record, a_copy_is_whole_and_its_own)
{
	struct outer a;
	struct outer b = { .text = xstrdup("old") };

	make_outer(&a);
	record_copy(&outer_class, &b, &a);
	record_clear(&outer_class, &a);
	expect_like_outer(&b, true);
	cr_expect_eq(b.plain, 17);
	record_clear(&outer_class, &b);
}

/* A record is used again for the next one: what that does not have must not be there from before. */
Test(record, a_cleared_one_is_all_zero)
{
	static const struct outer zero;
	struct outer a;

	make_outer(&a);
	buf_add(&a.unknown, "later", 5);
	record_clear(&outer_class, &a);
	cr_expect_eq(memcmp(&a, &zero, sizeof(a)), 0);
}

Test(record, what_is_absent_takes_no_space_and_comes_back_as_zero)
{
	struct outer a = { .text = NULL };
	_cleanup_buf_ struct buf record = BUF_INIT;

	cr_assert_eq(record_encode(t.store, &outer_class, "id", &a, &record, NULL), 0);
	cr_expect_eq(record.len, 1);
	cr_expect_eq(record_decode(t.store, &outer_class, "id", record.data, record.len, &a, NULL), 0);
	cr_expect_null(a.text);
	cr_expect_not(error_is_set(&a.error));
}

Test(record, a_secret_belongs_to_its_record_and_its_field)
{
	struct inner a = { .text = NULL };
	struct inner b = { .text = NULL };
	_cleanup_buf_ struct buf record = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	secret_set(&a.secret, "key", 3);
	record_encode(t.store, &inner_class, "id-1", &a, &record, NULL);
	cr_expect_eq(record_decode(t.store, &inner_class, "id-2", record.data, record.len, &b, &err), -1);
	cr_expect_eq(err.code, ERROR_CORRUPT);
	cr_expect_not_null(strstr(err.message, "inner 'id-2' is damaged"));
	record_clear(&inner_class, &a);
	record_clear(&inner_class, &b);
}

Test(record, octets_are_refused_or_understood)
{
	static const struct {
		const char *why;
		const char *octets;
		size_t len;
		int rc;
	} cases[] = {
		{ "empty", "", 0, -1 },
		{ "version 2", "\2", 1, -1 },
		{ "no field", "\1", 1, 0 },
		{ "an unknown tag is no damage", "\1\377\0\0\0\2xy", 8, 0 },
		{ "head cut off", "\1\1\0\0\0", 5, -1 },
		{ "field cut off", "\1\1\0\0\0\3ab", 8, -1 },
		{ "length beyond all", "\1\1\377\377\377\377ab", 8, -1 },
		{ "NUL in a text", "\1\1\0\0\0\3a\0b", 9, -1 },
		{ "number of 4 octets", "\1\2\0\0\0\4aaaa", 10, -1 },
		{ "flag of 2", "\1\3\0\0\0\1\2", 7, -1 },
		{ "list element cut off", "\1\4\0\0\0\5\0\0\0\2a", 11, -1 },
		{ "list head cut off", "\1\4\0\0\0\2\0\0", 8, -1 },
		{ "secret too short", "\1\6\0\0\0\1a", 7, -1 },
		{ "damaged error", "\1\7\0\0\0\1\5", 7, -1 },
		{ "empty item", "\1\10\0\0\0\4\0\0\0\0", 10, -1 },
		{ "an item with nothing set", "\1\10\0\0\0\5\0\0\0\1\1", 11, 0 },
		{ "the later of two wins", "\1\1\0\0\0\1a\1\0\0\0\1b", 13, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outer o = { .text = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(record_decode(t.store, &outer_class, "id", cases[i].octets, cases[i].len, &o, &err),
			cases[i].rc, "%s", cases[i].why);
		cr_expect_eq(err.code, cases[i].rc ? ERROR_CORRUPT : ERROR_NONE, "%s", cases[i].why);
		record_clear(&outer_class, &o);
	}
}

/* A later certd wrote fields 254 and 255, and field 9 of a list item; this one changes another field. */
Test(record, fields_of_a_later_version_are_kept)
{
	static const char later[] = "\1\376\0\0\0\0\1\0\0\0\3old\10\0\0\0\14\0\0\0\10\1\11\0\0\0\2it\377\0\0\0\2xy";
	struct outer o = { .text = NULL };
	struct outer copy = { .text = NULL };
	_cleanup_buf_ struct buf octets = BUF_INIT;

	store_put(store_begin(t.store), STORE_TOKEN, "id", 2, later, sizeof(later) - 1);
	cr_assert_eq(record_load(t.store, &outer_class, "id", &o, NULL), 1);
	cr_expect_str_eq(o.text, "old");
	str_replace(&o.text, "new");
	record_copy(&outer_class, &copy, &o);
	record_clear(&outer_class, &o);
	record_save(t.store, store_begin(t.store), &outer_class, "id", &copy);
	record_clear(&outer_class, &copy);

	cr_assert_eq(store_get(t.store, STORE_TOKEN, "id", 2, &octets, NULL), 1);
	cr_expect_not_null(memmem(octets.data, octets.len, "new", 3));
	cr_expect_not_null(memmem(octets.data, octets.len, "\376\0\0\0\0", 5));
	cr_expect_not_null(memmem(octets.data, octets.len, "\377\0\0\0\2xy", 7));
	cr_expect_not_null(memmem(octets.data, octets.len, "\1\11\0\0\0\2it", 8));
	cr_expect_eq(octets.len, sizeof(later) - 1, "and nothing twice");
}

Test(record, every_resource_keeps_the_fields_of_a_later_version)
{
	static const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
		&dnsprovider_class, &consumer_class, &probe_class, &token_class, &authorization_class, &alert_class };
	static const char later[] = "\1\377\0\0\0\2xy";

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		_cleanup_buf_ struct buf octets = BUF_INIT;
		void *obj = xcalloc(1, classes[i]->size);

		cr_expect_eq(record_decode(NULL, classes[i], "id", later, sizeof(later) - 1, obj, NULL), 0);
		cr_expect_eq(record_encode(NULL, classes[i], "id", obj, &octets, NULL), 0);
		cr_expect_eq(octets.len, sizeof(later) - 1, "%s", classes[i]->name);
		record_clear(classes[i], obj);
		free(obj);
	}
}

Test(record, what_is_damaged_comes_back_empty)
{
	static const char damaged[] = "\1\1\0\0\0\3old\1\0";
	struct outer o = { .text = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_expect_eq(record_load(t.store, &outer_class, "id", &o, &err), 0);
	store_put(store_begin(t.store), STORE_TOKEN, "id", 2, damaged, sizeof(damaged) - 1);
	cr_expect_eq(record_load(t.store, &outer_class, "id", &o, &err), -1);
	cr_expect_eq(err.code, ERROR_CORRUPT);
	cr_expect_null(o.text);
}

Test(record, tags_of_the_resources_are_unique_and_types_are_those_of_their_roles)
{
	static const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
		&dnsprovider_class, &consumer_class, &probe_class, &alert_class };

	for (size_t c = 0; c < ARRAY_SIZE(classes); c++) {
		bool seen[256] = { false };

		for (size_t i = 0; i < classes[c]->n_fields; i++) {
			const struct record_field *f = &classes[c]->fields[i];

			cr_expect_not(seen[f->tag], "%s: tag %u", classes[c]->name, f->tag);
			seen[f->tag] = true;
			if (f->role == RECORD_EXPIRY)
				cr_expect_eq(f->type, RECORD_INT);
			else if (f->role == RECORD_FLAG)
				cr_expect_eq(f->type, RECORD_BOOL);
			else if (f->role != RECORD_PLAIN)
				cr_expect(f->type == RECORD_STRING || f->type == RECORD_STRLIST);
			cr_expect_eq(f->target != NULL, f->role == RECORD_REF || f->role == RECORD_WEAK_REF);
		}
	}
}

/* Of many fields: a bit is not the index of the field. */
Test(record, each_secret_of_a_class_has_a_bit_of_its_own)
{
	const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
		&dnsprovider_class, &consumer_class, &alert_class };
	unsigned n_secrets = 0;

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		uint64_t taken = 0;

		for (size_t k = 0; k < classes[i]->n_fields; k++) {
			const struct record_field *field = &classes[i]->fields[k];
			uint64_t bit = field->type == RECORD_SECRET ? record_secret_bit(classes[i], field) : 0;

			cr_expect_eq(taken & bit, 0, "%s: tag %u", classes[i]->name, (unsigned)field->tag);
			cr_expect(bit || field->type != RECORD_SECRET, "%s: tag %u", classes[i]->name,
				(unsigned)field->tag);
			taken |= bit;
			n_secrets += bit != 0;
		}
	}
	cr_expect_gt(n_secrets, 4);
}
