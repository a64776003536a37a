import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

import javax.net.ssl.HttpsURLConnection;

/** HTTPS, each time on a new connection: JavaClient.java {http2|http1|urlconnection} URL TIMES. */
public class JavaClient {
    public static void main(String[] args) throws Exception {
        for (int time = 0; time < Integer.parseInt(args[2]); time++) {
            if (args[0].equals("urlconnection")) {
                var connection = (HttpsURLConnection) new URL(args[1]).openConnection();
                connection.setRequestProperty("Connection", "close");
                try (var in = connection.getInputStream()) {
                    in.readAllBytes();
                }
                continue;
            }
            var version = args[0].equals("http2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
            HttpClient.newBuilder().version(version).build()
                    .send(HttpRequest.newBuilder(URI.create(args[1])).build(), HttpResponse.BodyHandlers.ofString());
        }
    }
}
