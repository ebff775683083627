/* common/domain.h: the registered domain of a name: what CAs count certificates by. */
#ifndef COMMON_DOMAIN_H
#define COMMON_DOMAIN_H

/*
 * domain_registered() - the part of a name that its owner has registered
 * The public suffix and the label before it ("example.co.uk"), by the list that libpsl was built with. A public suffix
 * itself, and a name that is none, is its own. Of IP addresses: an IPv4 address, the /64 of an IPv6 address.
 * @canonical: of name_canonical(); a leading "*." is ignored
 * Return: a string owned by the caller.
 */
char *
domain_registered(const char *canonical);

#endif
