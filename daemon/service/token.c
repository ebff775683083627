/* Bearer tokens: created once, returned once, stored as a hash, compared in constant time. */
#include "daemon/service/token.h"

#include "common/crypto/base64url.h"
#include "common/crypto/ossl.h"
#include "common/timefmt.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char prefix[] = "certd_";

enum { PREFIX_LEN = sizeof(prefix) - 1, ID_LEN = STORE_ID_SIZE - 1, SECRET_AT = PREFIX_LEN + ID_LEN + 1 };

int
token_make(const char *id, char ret_text[TOKEN_TEXT_SIZE], struct buf *ret_hash, struct error *err)
{
	_cleanup_secret_ struct secret secret = SECRET_INIT;
	struct buf text = BUF_INIT;
	unsigned char hash[TOKEN_HASH_LEN];
	char own_id[STORE_ID_SIZE];
	int parsed;

	if (secret_random(&secret, TOKEN_SECRET_LEN, err) < 0)
		return -1;
	base64url_encode(secret.data, secret.len, &text);
	snprintf(ret_text, TOKEN_TEXT_SIZE, "%s%s_%s", prefix, id, buf_str(&text));
	OPENSSL_cleanse(text.data, text.len);
	buf_clear(&text);
	parsed = token_parse(ret_text, own_id, hash);
	if (!parsed || strcmp(own_id, id) != 0)
		return error_set(err, ERROR_INTERNAL, "cannot make a token for the id '%s'", id);
	buf_reset(ret_hash);
	buf_add(ret_hash, hash, sizeof(hash));
	return 0;
}

int
token_parse(const char *text, char ret_id[STORE_ID_SIZE], unsigned char ret_hash[TOKEN_HASH_LEN])
{
	const char *secret;

	if (strnlen(text, TOKEN_TEXT_SIZE) != TOKEN_TEXT_LEN || strncmp(text, prefix, PREFIX_LEN) != 0)
		return 0;
	secret = text + SECRET_AT;
	if (secret[-1] != '_' || !base64url_is_text(secret, strlen(secret)) ||
		strspn(text + PREFIX_LEN, "0123456789abcdef-") != ID_LEN)
		return 0;
	memcpy(ret_id, text + PREFIX_LEN, ID_LEN);
	ret_id[ID_LEN] = '\0';
	SHA256((const unsigned char *)secret, strlen(secret), ret_hash);
	return 1;
}

int
token_of_authorization(const char *value, char ret_text[TOKEN_TEXT_SIZE])
{
	static const char scheme[] = "bearer";
	size_t len;

	if (strncasecmp(value, scheme, sizeof(scheme) - 1) != 0)
		return 0;
	value += sizeof(scheme) - 1;
	if (*value != ' ')
		return 0;
	value += strspn(value, " ");
	len = strcspn(value, " \t");
	if (len != TOKEN_TEXT_LEN || value[len + strspn(value + len, " \t")] != '\0')
		return 0;
	memcpy(ret_text, value, len);
	ret_text[len] = '\0';
	return 1;
}

int64_t
token_expires_at(const struct token *token)
{
	return token->lifetime ? time_add(token->o.created_at, token->lifetime) : 0;
}

static enum api_role
role_named(const char *name)
{
	for (int role = ROLE_ADMIN; role > ROLE_NONE; role--)
		if (name && strcmp(api_role_name((enum api_role)role), name) == 0)
			return (enum api_role)role;
	return ROLE_NONE;
}

static bool
token_is_valid(const struct token *token, const unsigned char hash[TOKEN_HASH_LEN], int64_t now)
{
	int64_t expires_at = token_expires_at(token);

	return token->hash.len == TOKEN_HASH_LEN && CRYPTO_memcmp(token->hash.data, hash, TOKEN_HASH_LEN) == 0 &&
	       (!expires_at || now < expires_at);
}

static void
peer_of_token(const struct token *token, struct peer *ret)
{
	*ret = (struct peer){ .uid = (uid_t)-1, .role = role_named(token->role) };
	snprintf(ret->user_id, sizeof(ret->user_id), "%s", token->o.id);
	snprintf(ret->label, sizeof(ret->label), "token:%s", token->o.name);
	if (token->domains.count || token->providers.count || token->labels.count) {
		ret->scope = scope_new();
		scope_add(ret->scope, &(struct scope_rule){ token->domains, token->providers, token->labels });
	}
}

int
token_authenticate(struct store *store, const char *text, int64_t now, struct peer *ret, struct error *err)
{
	_cleanup_token_ struct token token = { .role = NULL };
	unsigned char hash[TOKEN_HASH_LEN];
	char id[STORE_ID_SIZE];
	int found;

	if (!token_parse(text, id, hash))
		return 0;
	found = object_peek(store, &token_class, id, &token, err);
	if (found <= 0)
		return found;
	if (!token_is_valid(&token, hash, now))
		return 0;
	peer_of_token(&token, ret);
	return 1;
}
