/* The commands: parsing, help, completion and the man page are made from this table and the API's. */
#include "ctl/commands.h"

#include <string.h>

/* clang-format off */
#define WAIT_FIELDS \
	{ .name = "noWait", .type = API_BOOL, .help = "return at once; certd goes on by itself" }, \
	{ .name = "timeout", .type = API_SPAN, .metavar = "SPAN", .help = "wait at most this long", \
		.fallback = "10m" }
#define DRY_RUN \
	{ .name = "dryRun", .type = API_BOOL, .help = "say what it would cause, and change nothing" }
/* clang-format on */

static const struct api_field wait_options[] = { WAIT_FIELDS, { .name = NULL } };
static const struct api_field add_options[] = { WAIT_FIELDS, DRY_RUN, { .name = NULL } };
static const struct api_field change_options[] = { DRY_RUN, { .name = NULL } };
static const struct api_field events_options[] = {
	{ .name = "follow", .type = API_BOOL, .help = "go on with new ones as they come" },
	{ .name = NULL },
};

static const struct api_field register_options[] = {
	{ .name = "server",
		.type = API_STRING,
		.metavar = "URL",
		.fallback = "letsencrypt",
		.help = "ACME directory, or a well-known name" },
	{ .name = "agreeTos", .type = API_BOOL, .help = "you accept the CA's terms of service" },
	{ .name = "name",
		.type = API_STRING,
		.metavar = "NAME",
		.fallback = "from the server",
		.help = "name of the provider" },
	{ .name = "accountKey",
		.type = API_SECRET,
		.flags = API_FILE,
		.metavar = "FILE",
		.fallback = "a new one",
		.help = "private key (PEM) of an account that you have already" },
	{ .name = "caFile",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "roots (PEM) that the CA's own TLS must chain to",
		.fallback = "the system's" },
	{ .name = "timeout",
		.type = API_SPAN,
		.metavar = "SPAN",
		.help = "wait at most this long",
		.fallback = "10m" },
	{ .name = NULL },
};
static const struct api_field authorize_options[] = {
	{ .name = "provider",
		.type = API_REF,
		.resource = "provider",
		.metavar = "PROVIDER",
		.help = "whom it is to be proved to",
		.fallback = "the only one" },
	{ .name = "timeout",
		.type = API_SPAN,
		.metavar = "SPAN",
		.help = "wait at most this long",
		.fallback = "10m" },
	{ .name = NULL },
};
static const char *const cert_types[] = { "fullchain", "chain", "cert", NULL };
static const struct api_field get_options[] = {
	{ .name = "certType",
		.type = API_ENUM,
		.values = cert_types,
		.fallback = "fullchain",
		.help = "which of the files is told at the end" },
	{ .name = "secretName",
		.type = API_STRING,
		.metavar = "NAME",
		.fallback = "from the first name",
		.help = "name of the auto-certificate, and so of its directory" },
	{ .name = "provider",
		.type = API_REF,
		.resource = "provider",
		.metavar = "PROVIDER",
		.help = "who issues it",
		.fallback = "the only one" },
	{ .name = "force",
		.type = API_BOOL,
		.help = "have the CA look even while certd does not see the records" },
	{ .name = "timeout",
		.type = API_SPAN,
		.metavar = "SPAN",
		.help = "wait at most this long",
		.fallback = "10m" },
	{ .name = NULL },
};

static const char register_notes[] = "Does nothing when that address is registered with the server already.\n"
				     "\n"
				     "  certctl register you@example.com --agree-tos\n";
static const char authorize_notes[] = "Prints the TXT record that proves control of the name. Publish it "
				      "whenever it suits; certd remembers.\n"
				      "\n"
				      "  certctl authorize api.example.com\n";
static const char get_notes[] =
	"Gets a certificate for names that were authorized; the first one is its common name. Records that "
	"the CA\n"
	"wants besides are printed: publish them and say the same again. Renewals begin like this too, by\n"
	"themselves, with an event that names the records.\n"
	"\n"
	"  certctl get api.example.com\n"
	"  certctl get example.com www.example.com --secret-name SSL_CERT_WEB\n";
static const struct api_field audit_options[] = {
	{ .name = "verify",
		.type = API_BOOL,
		.help = "look whether every record is there, as it was written" },
	{ .name = "known",
		.type = API_STRING,
		.metavar = "NUMBER:HASH",
		.help = "verify, and that this record has this hash, which certd once logged" },
	{ .name = NULL },
};

static const struct api_field import_options[] = {
	{ .name = "name",
		.type = API_STRING,
		.metavar = "NAME",
		.help = "name of the certificate",
		.fallback = "common name and time; with --replace that of the old one" },
	{ .name = "cert",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "certificate, PEM; chain and key may be in it" },
	{ .name = "chain", .type = API_PATH, .metavar = "FILE", .help = "its issuers, PEM, in any order" },
	{ .name = "key", .type = API_PATH, .metavar = "FILE", .help = "its private key, PEM" },
	{ .name = "pkcs12", .type = API_PATH, .metavar = "FILE", .help = "instead of these: a PKCS#12 file" },
	{ .name = "passwordFile",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "password of the key or PKCS#12 file",
		.fallback = "asked for" },
	{ .name = "replace",
		.type = API_REF,
		.resource = "certificate",
		.metavar = "NAME",
		.help = "imported certificate whose files, consumers, labels and name it takes over" },
	{ .name = "allowExpired", .type = API_BOOL, .help = "also one that is not valid now" },
	{ .name = "consumers",
		.type = API_REFLIST,
		.resource = "consumer",
		.option = "consumer",
		.metavar = "CONSUMER",
		.help = "who is told about it" },
	{ .name = "labels",
		.type = API_STRLIST,
		.option = "label",
		.metavar = "LABEL",
		.help = "word or KEY=VALUE" },
	DRY_RUN,
	{ .name = "noWait", .type = API_BOOL, .help = "return at once; certd goes on by itself" },
	{ .name = "timeout",
		.type = API_SPAN,
		.metavar = "SPAN",
		.help = "wait at most this long",
		.fallback = "10m" },
	{ .name = NULL },
};
static const struct api_field export_options[] = {
	{ .name = "out",
		.type = API_PATH,
		.metavar = "FILE",
		.help = "write it there, mode 0600",
		.fallback = "standard output" },
	{ .name = NULL },
};
static const struct api_field rm_options[] = {
	{ .name = "withCertificates",
		.type = API_BOOL,
		.help = "of an auto-certificate: its certificates, too" },
	DRY_RUN,
	{ .name = NULL },
};

static const char import_notes[] = "Waits until the files are written and the consumers told. The order of "
				   "the chain is put right; a key that\n"
				   "does not fit, a gap in the chain or a stranger in it are refused. certd "
				   "cannot renew it, and warns 30, 14,\n"
				   "7, 3 and 1 days before it expires.\n"
				   "\n"
				   "  certctl import --name shop --cert shop.pem --chain intermediate.pem "
				   "--key shop.key --consumer nginx\n"
				   "  certctl import --replace shop --pkcs12 shop-2027.p12\n";
static const char export_notes[] =
	"NAME is a certificate, or an auto-certificate: its newest. With a key it needs the role admin and "
	"is on\n"
	"record, and a terminal does not get it.\n"
	"\n"
	"  certctl export www.example.com > fullchain.pem\n"
	"  certctl export shop --format pkcs12 --key --password-file pw --out shop.p12\n";
static const char env_notes[] =
	"Three variables, by the common name, every character but letters and digits as '_':\n"
	"LE_CERTIFICATE_www_example_com_PRIVATE_KEY, _CERTIFICATE (with its chain), _BUNDLE (both). Role "
	"admin.\n"
	"\n"
	"  eval \"$(certctl env www.example.com)\"\n";
static const char exec_notes[] = "As env; and also under the names that Kontena made, which replaced the "
				 "first '.' only, where they differ.\n"
				 "\n"
				 "  certctl exec www.example.com -- /usr/local/bin/balancer\n";

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
	"The token is printed once: only its hash is stored. Clients send it as: Authorization: Bearer "
	"TOKEN\n"
	"\n"
	"  certctl add-token --name ci --role operator --expires 90d > ci.token\n";
static const char *const dump_formats[] = { "yaml", "json", NULL };
static const struct api_field dump_options[] = {
	{ .name = "format",
		.type = API_ENUM,
		.values = dump_formats,
		.fallback = "yaml",
		.help = "how it is written" },
	{ .name = NULL },
};
static const struct api_field apply_options[] = {
	{ .name = "file",
		.type = API_STRING,
		.metavar = "FILE",
		.help = "-f: the declarations, YAML or JSON; - is the standard input" },
	{ .name = "prune", .type = API_BOOL, .help = "remove what the file's collections do not have" },
	{ .name = "dryRun", .type = API_BOOL, .help = "show the difference, and change nothing" },
	{ .name = NULL },
};
static const struct api_field set_options[] = {
	{ .name = "unset",
		.type = API_STRLIST,
		.metavar = "OPTION",
		.help = "take the property of that option back to its default" },
	DRY_RUN,
	{ .name = NULL },
};

static const struct api_field list_options[] = {
	{ .name = "sort", .type = API_STRING, .metavar = "FIELD[:desc]", .help = "by this property" },
	{ .name = "columns", .type = API_STRING, .metavar = "FIELD,...", .help = "show these properties" },
	{ .name = NULL },
};

static const char list_notes[] =
	"FIELD is a property (commonName), what certd knows about it (notAfter, lastError.message), or a\n"
	"column's title.\n"
	"\n"
	"  certctl list --state FAILED --columns name,attempts,lastError.message\n"
	"  certctl list cert --expires-before 30d --sort notAfter\n";
static const char watch_notes[] = "A line for each event where standard output is no terminal. An interrupt "
				  "ends it; a restart of certd\n"
				  "does not.\n";
static const char apply_notes[] =
	"Shows the difference, then sends object by object: each changes as a whole or not at all. What the\n"
	"file says of an object is all of it: a property that is not there goes back to its default. "
	"Secrets\n"
	"are named by file or by systemd credential, and not needed again while certd has them.\n"
	"\n"
	"  certctl dump > site.yaml\n"
	"  certctl apply -f site.yaml --dry-run\n";
static const char dump_notes[] =
	"Providers, DNS providers, consumers and auto-certificates; not certificates, which are issued or\n"
	"imported, and not what gives access to certd. Secrets are written as {credential: NAME}.\n";
static const char set_notes[] =
	"Lists are replaced as a whole; an empty value ('') takes a property back to its default.\n"
	"\n"
	"  certctl set auto www.example.com --san example.com --san www2.example.com\n";

static const char audit_notes[] = "With --after and no --limit: all that follow. A log that does not verify "
				  "is an error, which names the first\n"
				  "record that is wrong.\n"
				  "\n"
				  "  certctl audit --verify\n"
				  "  certctl audit --after 0 -o json > audit.json\n";

#define NONE API_RESOURCE_COUNT
#define NO_METHOD API_METHOD_COUNT

/* Rows are read across, not down. */
/* clang-format off */
const struct command commands[] = {
	{ "add-provider", NULL, "register an account with a certificate authority", OPTIONS_CREATE, 0,
		API_PROVIDER, RPC_PROVIDER_CREATE, add_options, cmd_add, add_provider_notes },
	{ "add-auto", NULL, "get a certificate and keep it valid", OPTIONS_CREATE, 0,
		API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_CREATE, add_options, cmd_add, add_auto_notes },
	{ "add-dns", NULL, "declare where dns-01 puts its records", OPTIONS_CREATE, 0,
		API_DNSPROVIDER, RPC_DNSPROVIDER_CREATE, change_options, cmd_add, add_dns_notes },
	{ "add-consumer", NULL, "declare a server that uses certificates", OPTIONS_CREATE, 0,
		API_CONSUMER, RPC_CONSUMER_CREATE, change_options, cmd_add, add_consumer_notes },
	{ "add-token", NULL, "make a token for the REST server", OPTIONS_CREATE, 0, API_TOKEN, RPC_TOKEN_CREATE, NULL,
		cmd_add_token, add_token_notes },
	{ "import", NULL, "bring a certificate that certd did not issue", OPTIONS_NONE, 0,
		API_CERTIFICATE, RPC_CERTIFICATE_CREATE, import_options, cmd_import, import_notes },
	{ "export", NULL, "write a certificate, or its key, in some format", OPTIONS_PARAMS,
		COMMAND_CERTIFICATE,
		API_CERTIFICATE, RPC_CERTIFICATE_EXPORT, export_options, cmd_export, export_notes },
	{ "env", "NAME", "print a certificate and its key as shell variables", OPTIONS_NONE,
		COMMAND_WORDS | COMMAND_CERTIFICATE, NONE, NO_METHOD, NULL, cmd_env, env_notes },
	{ "exec", "NAME -- COMMAND [ARGUMENT...]", "run a program with a certificate and its key as variables",
		OPTIONS_NONE, COMMAND_WORDS | COMMAND_CERTIFICATE, NONE, NO_METHOD, NULL, cmd_exec, exec_notes },
	{ "list", "[NOUN]", "list objects: provider, auto (if nothing is said), cert, dns, consumer, token, authorization", OPTIONS_LIST,
		COMMAND_NOUN | COMMAND_OPTIONAL, NONE, NO_METHOD, list_options, cmd_list, list_notes },
	{ "watch", "[NOUN]", "the list, refreshed as things happen, with what is under way", OPTIONS_LIST,
		COMMAND_NOUN | COMMAND_OPTIONAL, NONE, NO_METHOD, list_options, cmd_watch, watch_notes },
	{ "show", "NOUN NAME", "show one object", OPTIONS_NONE, COMMAND_NOUN | COMMAND_NAME, NONE, NO_METHOD, NULL,
		cmd_show, NULL },
	{ "set", "NOUN NAME", "change properties of an object", OPTIONS_UPDATE, COMMAND_NOUN | COMMAND_NAME, NONE,
		NO_METHOD, set_options, cmd_set, set_notes },
	{ "rm", "NOUN NAME...", "delete objects", OPTIONS_NONE, COMMAND_NOUN | COMMAND_NAMES, NONE, NO_METHOD,
		rm_options, cmd_rm, NULL },
	{ "apply", "-f FILE", "make the declarations equal to a file", OPTIONS_NONE, 0, NONE, NO_METHOD,
		apply_options, cmd_apply, apply_notes },
	{ "dump", NULL, "write all declarations as such a file", OPTIONS_NONE, 0, NONE, NO_METHOD, dump_options,
		cmd_dump, dump_notes },
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
	{ "register", "EMAIL", "register with a CA, once", OPTIONS_NONE, COMMAND_WORDS, API_PROVIDER,
		RPC_PROVIDER_CREATE, register_options, cmd_register, register_notes },
	{ "authorize", "DOMAIN", "get the TXT record that proves control of a name, to be published by hand",
		OPTIONS_NONE, COMMAND_WORDS, API_AUTHORIZATION, RPC_AUTHORIZATION_CREATE, authorize_options,
		cmd_authorize, authorize_notes },
	{ "get", "DOMAIN...", "get a certificate for names that were authorized by hand", OPTIONS_NONE, COMMAND_WORDS,
		API_AUTOCERTIFICATE, RPC_AUTOCERTIFICATE_CREATE, get_options, cmd_get, get_notes },
	{ "audit", NULL, "who did what, from what to what, and who was refused what", OPTIONS_PARAMS, 0, NONE,
		RPC_AUDIT_LIST, audit_options, cmd_audit, audit_notes },
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
