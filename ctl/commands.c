/* The commands: parsing, help, completion and the man page are made from this table and the API's. */
#include "ctl/commands.h"

#include <string.h>

static const struct api_field wait_options[] = {
	{ .name = "noWait", .type = API_BOOL, .help = "return at once; certd goes on by itself" },
	{ .name = "timeout",
		.type = API_SPAN,
		.metavar = "SPAN",
		.help = "wait at most this long",
		.fallback = "10m" },
	{ .name = NULL },
};
static const struct api_field events_options[] = {
	{ .name = "follow", .type = API_BOOL, .help = "go on with new ones as they come" },
	{ .name = NULL },
};

static const char add_auto_notes[] =
	"Waits until the certificate is issued, its files are written and its consumers told.\n"
	"\n"
	"  certctl add-auto --provider le --cn *.example.com\n"
	"  certctl add-auto --provider le --cn www.example.com --san example.com --consumer nginx\n";
static const char add_provider_notes[] =
	"Waits until the account is registered. Well-known servers stand in certctl(1).\n"
	"\n"
	"  certctl add-provider --name le --server letsencrypt --email you@example.com --agree-tos\n";
static const char add_dns_notes[] =
	"The key file is what tsig-keygen (BIND) or keymgr -t (Knot) wrote; name and algorithm are taken "
	"from it.\n"
	"\n"
	"  certctl add-dns --name ns1 --kind rfc2136 --server 127.0.0.1:53 --tsig-key-file ddns.key --zone "
	"example.com\n"
	"  certctl add-dns --name hook --kind exec --command /usr/local/bin/dns-hook\n"
	"  certctl add-dns --name ionos --kind ionoscloud --token-file ionos.token\n";
static const char add_consumer_notes[] =
	"  certctl add-consumer --name nginx --probe 127.0.0.1:443\n"
	"  certctl add-consumer --name app --activate notify --notify-socket /run/app/notify\n"
	"  certctl add-consumer --name mail --activate exec --command /usr/sbin/postfix --command reload\n";
static const char add_token_notes[] =
	"The token is printed once: only its hash is stored. Clients send it as: Authorization: Bearer TOKEN\n"
	"\n"
	"  certctl add-token --name ci --role operator --expires 90d > ci.token\n";
static const char set_notes[] =
	"Lists are replaced as a whole; an empty value ('') takes a property back to its default.\n"
	"\n"
	"  certctl set auto www.example.com --san example.com --san www2.example.com\n";

#define NONE API_RESOURCE_COUNT
#define NO_METHOD API_METHOD_COUNT

/* Rows are read across, not down. */
/* clang-format off */
const struct command commands[] = {
	{ "add-provider", NULL, "register an account with a certificate authority", OPTIONS_CREATE, 0,
		API_PROVIDER, RPC_PROVIDER_CREATE, wait_options, cmd_add, add_provider_notes },
	{ "add-auto", NULL, "get a certificate and keep it valid", OPTIONS_CREATE, 0,
		API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_CREATE, wait_options, cmd_add, add_auto_notes },
	{ "add-dns", NULL, "declare where dns-01 puts its records", OPTIONS_CREATE, 0,
		API_DNSPROVIDER, RPC_DNSPROVIDER_CREATE, NULL, cmd_add, add_dns_notes },
	{ "add-consumer", NULL, "declare a server that uses certificates", OPTIONS_CREATE, 0,
		API_CONSUMER, RPC_CONSUMER_CREATE, NULL, cmd_add, add_consumer_notes },
	{ "add-token", NULL, "make a token for the REST server", OPTIONS_CREATE, 0, API_TOKEN, RPC_TOKEN_CREATE, NULL,
		cmd_add_token, add_token_notes },
	{ "list", "[NOUN]", "list objects: provider, auto (if nothing is said), cert, dns, consumer, token", OPTIONS_LIST,
		COMMAND_NOUN | COMMAND_OPTIONAL, NONE, NO_METHOD, NULL, cmd_list, NULL },
	{ "show", "NOUN NAME", "show one object", OPTIONS_NONE, COMMAND_NOUN | COMMAND_NAME, NONE, NO_METHOD, NULL,
		cmd_show, NULL },
	{ "set", "NOUN NAME", "change properties of an object", OPTIONS_UPDATE, COMMAND_NOUN | COMMAND_NAME, NONE,
		NO_METHOD, NULL, cmd_set, set_notes },
	{ "rm", "NOUN NAME...", "delete objects", OPTIONS_NONE, COMMAND_NOUN | COMMAND_NAMES, NONE, NO_METHOD, NULL,
		cmd_rm, NULL },
	{ "renew", NULL, "order a new certificate now", OPTIONS_PARAMS, 0, API_AUTOCERTIFICATE,
		RPC_AUTOCERTIFICATE_RENEW, wait_options, cmd_renew, NULL },
	{ "pause", NULL, "stop renewing until it is resumed", OPTIONS_PARAMS, 0, API_AUTOCERTIFICATE,
		RPC_AUTOCERTIFICATE_PAUSE, NULL, cmd_pause, NULL },
	{ "resume", NULL, "renew again", OPTIONS_PARAMS, 0, API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_RESUME, NULL,
		cmd_pause, NULL },
	{ "status", NULL, "how certd is, on one screen", OPTIONS_NONE, 0, NONE, RPC_SERVER_STATUS, NULL, cmd_status,
		NULL },
	{ "schedule", NULL, "what will happen next", OPTIONS_PARAMS, 0, NONE, RPC_SCHEDULE_LIST, NULL, cmd_schedule,
		NULL },
	{ "explain", NULL, "what will happen to an auto-certificate, when and why", OPTIONS_PARAMS, 0,
		API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_EXPLAIN, NULL, cmd_explain, NULL },
	{ "deploy", NULL, "write the files and tell the consumer again", OPTIONS_PARAMS, 0, API_CONSUMER,
		RPC_CONSUMER_DEPLOY, wait_options, cmd_deploy, NULL },
	{ "probe", NULL, "look now at what a consumer serves", OPTIONS_PARAMS, 0, API_CONSUMER, RPC_CONSUMER_PROBE,
		wait_options, cmd_probe, NULL },
	{ "events", "[NOUN NAME]", "what happened", OPTIONS_PARAMS, COMMAND_NOUN | COMMAND_NAME | COMMAND_OPTIONAL,
		NONE, RPC_EVENT_LIST, events_options, cmd_events, NULL },
	{ "call", "METHOD [JSON]", "call a method of the control API", OPTIONS_NONE, COMMAND_WORDS, NONE, NO_METHOD,
		NULL, cmd_call, "  certctl call rpc.discover\n" },
	{ "complete", "WORD...", "print candidates for the last word, for shells", OPTIONS_NONE, COMMAND_WORDS, NONE,
		NO_METHOD, NULL, cmd_complete, NULL },
	{ "help", "[COMMAND]", "this, or help on a command", OPTIONS_NONE, COMMAND_WORDS, NONE, NO_METHOD, NULL,
		cmd_help, NULL },
	{ .name = NULL },
};
/* clang-format on */

const struct command *
command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const char *
command_nearest(const char *name)
{
	const char *names[64];
	size_t count = 0;

	for (const struct command *c = commands; c->name && count < ARRAY_SIZE(names); c++)
		names[count++] = c->name;
	return api_nearest(name, names, count);
}
