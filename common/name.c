/*
 * Names. Text from operators, CAs and certificates is made canonical here and nowhere else; all other code compares
 * names by strcmp(). libidn2 applies IDNA 2008, and the host name rules are checked on its result: with
 * IDN2_USE_STD3_ASCII_RULES, libidn2 2.3 drops forbidden characters ("a/b.example" becomes "ab.example") instead of
 * refusing the name. Text appears in a message only after it was found harmless.
 */
#include "common/name.h"

#include "common/alloc.h"
#include "common/error.h"
#include "common/printable.h"
#include "common/strlist.h"
#include "common/utf8.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>

enum {
	LABEL_MAX = 63,
	NAME_MAX_OCTETS = 253,  /* RFC 1035 s3.1: 255 on the wire, two of them around the labels */
	TEXT_MAX_OCTETS = 1024, /* before libidn2: UTF-8 of the longest name whose result can be short enough */
	SLUG_MAX = 200          /* a file name may have 255 octets, and ".pem" or a number may follow */
};

static int
name_refuse(struct error *err, const char *text, const char *why)
{
	return error_set(err, ERROR_INVALID, "'%s' %s", text, why);
}

/* Return: 1 and the canonical text, 0 not an address. */
static int
canonical_ip(const char *text, char **ret)
{
	char out[INET6_ADDRSTRLEN];
	unsigned char addr[sizeof(struct in6_addr)];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, addr) != 1 || !inet_ntop(family, addr, out, sizeof(out)))
		return 0;
	*ret = xstrdup(out);
	return 1;
}

static const char *
label_fault(const char *label, size_t len)
{
	if (len == 0)
		return "has an empty label";
	if (len > LABEL_MAX)
		return "has a label of more than 63 octets";
	if (label[0] == '-' || label[len - 1] == '-')
		return "has a label that begins or ends with '-'";
	for (size_t i = 0; i < len; i++) {
		if (label[i] == '_')
			return "contains '_', which host names do not allow";
		if (label[i] == '*')
			return "contains '*', which is allowed only as the whole first label";
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", label[i]))
			return "contains a character that host names do not allow";
	}
	return NULL;
}

/* The fault of @name, a lower-case name without its "*."; NULL: none. */
static const char *
host_fault(const char *name, bool is_wildcard)
{
	const char *label = name;
	size_t labels = 0;
	size_t len;

	if (strlen(name) + (is_wildcard ? 2 : 0) > NAME_MAX_OCTETS)
		return "is longer than 253 octets";
	for (;; label += len + 1) {
		const char *fault;

		len = strcspn(label, ".");
		fault = label_fault(label, len);
		if (fault)
			return fault;
		labels++;
		if (label[len] == '\0')
			break;
	}
	if (strspn(label, "0123456789") == len)
		return "ends with a number";
	if (name_in_zone(name, "in-addr.arpa") || name_in_zone(name, "ip6.arpa"))
		return "is the reverse name of an address; CAs do not issue for it";
	if (labels < 2 && is_wildcard)
		return "is a wildcard for a whole top-level domain";
	if (labels < 2 && strcmp(name, "localhost") != 0)
		return "has only one label";
	return NULL;
}

/* Faults for which libidn2's wording would be unclear. */
static int
name_check_text(const char *text, struct error *err)
{
	size_t len = strlen(text);

	if (len == 0)
		return error_set(err, ERROR_INVALID, "the name is empty");
	if (len > TEXT_MAX_OCTETS)
		return error_set(err, ERROR_INVALID, "the name is longer than 253 octets");
	if (!utf8_is_valid(text, len))
		return error_set(err, ERROR_INVALID, "the name is not UTF-8");
	if (strchr(text, ' ') || !printable_is_line(text, len))
		return error_set(err, ERROR_INVALID, "the name contains a space or control character");
	if (strncmp(text, "_.", 2) == 0)
		return name_refuse(
			err, text, "begins with '_.'; if the shell expanded *, write '*.example.com' in quotes");
	return 0;
}

/*
 * A host name of lower-case ASCII that is already canonical: saves libidn2's table lookups for each character. Names
 * with
 * "--" are excluded, since A-labels contain it and no other label may have it in third place.
 */
static bool
is_canonical_host(const char *text)
{
	const char *base = name_base(text);

	return strspn(base, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(base) && !strstr(base, "--") &&
	       !host_fault(base, base != text);
}

static int
canonical_host(const char *text, char **ret, struct error *err)
{
	bool is_wildcard = strncmp(text, "*.", 2) == 0;
	uint8_t *ascii = NULL;
	const char *fault;
	size_t len;
	int rc;

	if (is_canonical_host(text)) {
		*ret = xstrdup(text);
		return 0;
	}
	/* Detected here, because libidn2 only says that a character is forbidden. */
	if (strchr(text + (is_wildcard ? 2 : 0), '*'))
		return name_refuse(err, text, "contains '*', which is allowed only as the whole first label");
	/*
	 * A-labels must be valid punycode, but their characters need not satisfy IDNA 2008: names such as
	 * xn--zn8h.example (a cat) are registered, and CAs issue for them.
	 */
	rc = idn2_lookup_u8((const uint8_t *)text + (is_wildcard ? 2 : 0), &ascii,
		IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_NO_ALABEL_ROUNDTRIP);
	if (rc == IDN2_MALLOC)
		abort();
	if (rc != IDN2_OK)
		return error_set(err, ERROR_INVALID, "'%s' is not a host name: %s", text, idn2_strerror(rc));
	len = strlen((const char *)ascii);
	if (len && ascii[len - 1] == '.')
		ascii[len - 1] = '\0';
	fault = host_fault((const char *)ascii, is_wildcard);
	if (!fault)
		*ret = xasprintf("%s%s", is_wildcard ? "*." : "", (const char *)ascii);
	idn2_free(ascii);
	return fault ? name_refuse(err, text, fault) : 0;
}

int
name_canonical(const char *text, bool may_be_ip, char **ret, struct error *err)
{
	_cleanup_free_ char *ip = NULL;

	if (name_check_text(text, err) < 0)
		return -1;
	if (!canonical_ip(text, &ip))
		return canonical_host(text, ret, err);
	if (!may_be_ip)
		return name_refuse(err, text, "is an IP address; a host name is required");
	*ret = ip;
	ip = NULL;
	return 0;
}

enum name_type
name_type_of(const char *canonical)
{
	_cleanup_free_ char *ip = NULL;

	return canonical_ip(canonical, &ip) ? NAME_IP : NAME_DNS;
}

bool
name_is_wildcard(const char *canonical)
{
	return strncmp(canonical, "*.", 2) == 0;
}

const char *
name_base(const char *canonical)
{
	return canonical + (name_is_wildcard(canonical) ? 2 : 0);
}

bool
name_is_plain(const char *text)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strspn(text, alphabet);

	return len > 0 && len <= NAME_MAX_OCTETS && text[len] == '\0' && text[0] != '-' && text[0] != '.';
}

char *
name_of_challenge(const char *canonical)
{
	return xasprintf(NAME_CHALLENGE_LABEL ".%s", name_base(canonical));
}

bool
name_in_zone(const char *name, const char *zone)
{
	size_t name_len = strlen(name);
	size_t zone_len = strlen(zone);

	if (zone_len == 0 || name_len < zone_len || strcmp(name + name_len - zone_len, zone) != 0)
		return false;
	return name_len == zone_len || name[name_len - zone_len - 1] == '.';
}

char *
name_slug(const char *name)
{
	char *slug = xstrndup(name, SLUG_MAX);

	for (char *p = slug; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
			*p = '_';
	if (slug[0] == '.' || slug[0] == '-')
		slug[0] = '_';
	return slug;
}

/* Return: 0, or -1 with the field set; a duplicate is ignored. */
static int
name_list_add(
	struct strlist *list, const char *field, const char *text, unsigned max, bool may_be_ip, struct error *err)
{
	_cleanup_free_ char *name = NULL;

	if (name_canonical(text, may_be_ip, &name, err) < 0) {
		if (err)
			str_replace(&err->field, field);
		return -1;
	}
	if (strlist_has(list, name))
		return 0;
	if (list->count >= max) {
		error_set(err, ERROR_LIMIT, "at most %u names are allowed", max);
		if (err)
			str_replace(&err->field, field);
		return -1;
	}
	strlist_add(list, name);
	return 0;
}

int
name_list(const char *common_name, const struct strlist *sans, unsigned max, bool may_be_ip, struct strlist *ret,
	struct error *err)
{
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;

	if (common_name && name_list_add(&list, "commonName", common_name, max, may_be_ip, err) < 0)
		return -1;
	for (size_t i = 0; sans && i < sans->count; i++) {
		_cleanup_free_ char *field = xasprintf("subjectAlternativeNames[%zu]", i);

		if (name_list_add(&list, field, sans->items[i], max, may_be_ip, err) < 0)
			return -1;
	}
	if (list.count == 0)
		return error_set_field(err, "commonName", "at least one name is required");
	strlist_clear(ret);
	*ret = list;
	list = (struct strlist)STRLIST_INIT;
	return 0;
}
