/* Settings by name, and the records of DNS providers that had a field for each of them. */
#include "daemon/store/object.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <string.h>

/* Written when each setting was a field of the record, with the key of tmp_store_key(7). */
/* clang-format off */
static const char rfc2136_id[] = "00000000-0000-4000-8000-000000000001";
static const char rfc2136_record[] =
	"0101000000036e73310200000008000000006ab13b800300000008000000006ab13b8004000000057569643a30060000"
	"00080000000000000001080000000130100000000772666332313336110000000f0000000b6578616d706c652e636f6d"
	"120000000f3139322e302e322e35333a35333533130000000963657274642d6b6579140000000b686d61632d73686135"
	"3132150000006901b47b43a5b6767f5dc1efa5289e7766a63e810dbe9e61035ece869fc7da644d13090c8256d5c7473f"
	"83d05a428c84d03f91c340d1064bca9d3bb10911ad053f2722625c4550f1dee5d204a0244d33d0d446e038d00615ad93"
	"ed759edd6a42669cb6c478443406ce511700000008000000000000001e1800000008000000000000005a190000000e00"
	"00000a3139322e302e322e3534";
/* With settings of another kind, which was accepted. */
static const char exec_id[] = "00000000-0000-4000-8000-000000000002";
static const char exec_record[] =
	"010100000004686f6f6b0200000008000000006ab13b800300000008000000006ab13b8004000000057569643a300600"
	"000008000000000000000108000000013010000000046578656313000000057374726179150000005e01062afd68e274"
	"8743d8bfa03f41364d0fd51b103e51888449035efcf10fe93e44c9b8af316d49fe54785024a01e238f77393b32dbe0ae"
	"cd3f2d6f0b5601684b282b705a6c136083345087e848a38af212f75f4657d131d8ed7d00a991ff16000000172f757372"
	"2f6c6f63616c2f62696e2f646e732d686f6f6b";
static const char ionoscloud_id[] = "00000000-0000-4000-8000-000000000003";
static const char ionoscloud_record[] =
	"010100000005696f6e6f730200000008000000006ab13b800300000008000000006ab13b8004000000057569643a3006"
	"000000080000000000000001080000000130100000000a696f6e6f73636c6f75641a00000066010d702534fe37f48642"
	"7bb19a3ee1ec3598b32870ac67bc447245f817b2a9f7c74b11a0472f223a0705a8e9ea12ade5568fb600a928a6e2592d"
	"9ba30bade931589378eec4b57871a8845ca86879c47cdc5db3a225303bc92d41efd7104c0ef8d9888f1dabf01b000000"
	"1768747470733a2f2f646e732e6578616d706c652e6e65741c0000000f0000000b6578616d706c652e6f72671d000000"
	"08000000006ab13b81";
/* clang-format on */

static void
put_hex(struct store *store, enum store_db db, const char *id, const char *hex)
{
	unsigned char data[1024];
	size_t len;

	cr_assert_eq(OPENSSL_hexstr2buf_ex(data, sizeof(data), &len, hex, '\0'), 1);
	store_put(store_begin(store), db, id, strlen(id), data, len);
	store_commit(store);
}

static void
expect_secret(const struct dnsprovider *d, const char *name, const char *text)
{
	const struct setting *setting = setting_find(&d->secrets, name);

	cr_assert_not_null(setting, "%s", name);
	cr_expect_eq(setting->secret.len, strlen(text), "%s", name);
	cr_expect_eq(memcmp(setting->secret.data, text, strlen(text)), 0, "%s", name);
}

static void
expect_text(const struct dnsprovider *d, const char *name, const char *text)
{
	const char *value = setting_text(&d->settings, name);

	cr_expect_str_eq(value ? value : "", text, "%s", name);
}

static void
expect_rfc2136(const struct dnsprovider *d)
{
	cr_expect_str_eq(d->o.name, "ns1");
	cr_expect_str_eq(d->kind, "rfc2136");
	cr_expect_str_eq(d->zones.items[0], "example.com");
	expect_text(d, "server", "192.0.2.53:5353");
	expect_text(d, "tsigName", "certd-key");
	expect_text(d, "tsigAlgorithm", "hmac-sha512");
	expect_secret(d, "tsigKey", "0123456789abcdef");
	cr_expect_eq(d->ttl, 30);
	cr_expect_eq(d->propagation_timeout, 90);
	cr_expect_str_eq(d->nameservers.items[0], "192.0.2.54");
	cr_expect_eq(d->settings.count, 3);
	cr_expect_eq(d->secrets.count, 1);
}

Test(setting, records_with_a_field_for_each_setting_are_read_and_written_as_lists)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct tmp_store t;

	tmp_store_init(&t, 0);
	t.is_peculiar = true; /* no index, as with the certd that wrote these records */
	put_hex(t.store, STORE_DNSPROVIDER, rfc2136_id, rfc2136_record);
	put_hex(t.store, STORE_DNSPROVIDER, exec_id, exec_record);
	put_hex(t.store, STORE_DNSPROVIDER, ionoscloud_id, ionoscloud_record);
	cr_assert_eq(object_load(t.store, &dnsprovider_class, exec_id, &d, &err), 1, "%s", err.message);
	expect_text(&d, "command", "/usr/local/bin/dns-hook");
	expect_secret(&d, "tsigKey", "stray");
	cr_assert_eq(object_load(t.store, &dnsprovider_class, ionoscloud_id, &d, &err), 1, "%s", err.message);
	expect_secret(&d, "token", "eyJ0.e30.c2ln");
	expect_text(&d, "endpoint", "https://dns.example.net");
	cr_expect_str_eq(d.zones_seen.items[0], "example.org");
	cr_expect_eq(d.zones_listed_at, 1790000001);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(object_load(t.store, &dnsprovider_class, rfc2136_id, &d, &err), 1, "%s", err.message);
		expect_rfc2136(&d);
		cr_assert_eq(
			object_save(t.store, store_begin(t.store), &dnsprovider_class, &d, &err), 0, "%s", err.message);
		store_commit(t.store);
		tmp_store_reopen(&t);
	}
	cr_assert_eq(object_peek(t.store, &dnsprovider_class, rfc2136_id, &d, &err), 1, "%s", err.message);
	cr_assert_not_null(setting_find(&d.secrets, "tsigKey"), "known by name");
	cr_expect_eq(setting_find(&d.secrets, "tsigKey")->secret.len, 0, "and not unsealed");
	tmp_store_clear(&t);
}

/* As certd has written consumers whose settings were fields: the version, then activate "exec", command and batch. */
static const char consumer_id[] = "00000000-0000-4000-8000-000000000004";
static const char consumer_record[] = "01" /* "run" */ "010000000372756e" /* "exec" */ "100000000465786563"
				      /* ["/a", "b"] */ "120000000b000000022f610000000162" /* true */
				      "160000000101" /* "USR1" */ "1a0000000455535231";

Test(setting, former_lists_and_flags_are_read_too)
{
	_cleanup_consumer_ struct consumer c = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct tmp_store t;

	tmp_store_init(&t, 0);
	t.is_peculiar = true;
	put_hex(t.store, STORE_CONSUMER, consumer_id, consumer_record);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(object_load(t.store, &consumer_class, consumer_id, &c, &err), 1, "%s", err.message);
		cr_expect_str_eq(c.activate, "exec");
		cr_expect_eq(setting_list(&c.settings, "command")->count, 2);
		cr_expect_str_eq(setting_list(&c.settings, "command")->items[1], "b");
		cr_expect(setting_is_set(&c.settings, "batch"));
		cr_expect_str_eq(setting_text(&c.settings, "signal"), "USR1");
		cr_expect_eq(c.settings.count, 3);
		cr_expect_eq(c.o.unknown.len, 0);
		cr_assert_eq(
			object_save(t.store, store_begin(t.store), &consumer_class, &c, &err), 0, "%s", err.message);
		store_commit(t.store);
		tmp_store_reopen(&t);
	}
	tmp_store_clear(&t);
}

Test(setting, is_put_replaced_and_removed_by_name)
{
	struct record_list list = { .items = NULL };

	setting_put(&list, "a", NULL);
	setting_put(&list, "a", "1");
	setting_put(&list, "b", "2");
	setting_put(&list, "c", "3");
	setting_put(&list, "b", "4");
	cr_expect_eq(list.count, 3);
	cr_expect_str_eq(setting_text(&list, "b"), "4");
	setting_put(&list, "a", NULL);
	cr_expect_null(setting_text(&list, "a"));
	cr_expect_str_eq(setting_text(&list, "b"), "4");
	cr_expect_str_eq(setting_text(&list, "c"), "3");
	setting_put_secret(&list, "c", "", 0);
	setting_put(&list, "b", NULL);
	cr_expect_eq(list.count, 0);
	record_list_clear(&setting_class, &list);
}
