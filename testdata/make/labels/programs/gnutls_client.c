/* One handshake with GnuTLS as its defaults have it: gnutls_client HOST [NAME] */
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int count, char **arguments)
{
    struct addrinfo *where = NULL;
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    int stream;

    if (getaddrinfo(arguments[1], "443", NULL, &where) != 0)
        return 2;
    stream = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(stream, where->ai_addr, where->ai_addrlen) != 0)
        return 2;
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    if (count > 2)
        gnutls_server_name_set(session, GNUTLS_NAME_DNS, arguments[2], strlen(arguments[2]));
    gnutls_transport_set_int(session, stream);
    return gnutls_handshake(session) != 0;
}
