import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** One GET: Client.java {http2|http1|urlconnection} URL; trust comes from javax.net.ssl.trustStore. */
public class Client {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("urlconnection")) {
            try (var in = new URL(args[1]).openConnection().getInputStream()) {
                System.out.println(in.readAllBytes().length);
            }
            return;
        }
        var version = args[0].equals("http2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
        var answer = HttpClient.newBuilder().version(version).build()
                .send(HttpRequest.newBuilder(URI.create(args[1])).build(), HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.version());
    }
}
