import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Broadcast with a scheduled pool of three threads, of which each gossips every 300 ms. */
public final class Broadcast {
    private static final TreeSet<Long> known = new TreeSet<>();
    private static final ScheduledExecutorService pool = Executors.newScheduledThreadPool(3);
    private static String id;
    private static final List<String> peers = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            handle(line);
        }
        pool.shutdownNow();
    }

    private static synchronized void handle(String line) {
        String type = text(line, "type");
        String reply = "\"type\":\"" + type + "_ok\",\"in_reply_to\":" + number(line, "msg_id");
        switch (type) {
            case "init" -> {
                id = text(line, "node_id");
                for (String peer : list(line, "node_ids")) {
                    String name = peer.replace("\"", "");
                    if (!name.equals(id)) peers.add(name);
                }
                for (int thread = 0; thread < 3 && !peers.isEmpty(); thread++) {
                    pool.scheduleAtFixedRate(Broadcast::gossip, 50 + 90 * thread, 300, TimeUnit.MILLISECONDS);
                }
            }
            case "broadcast" -> known.add(number(line, "message"));
            case "read" -> reply += ",\"messages\":" + known;
            case "gossip" -> {
                for (String element : list(line, "known")) known.add(Long.parseLong(element));
                return;
            }
            default -> { }
        }
        send(text(line, "src"), reply);
    }

    private static synchronized void gossip() {
        String peer = peers.get(ThreadLocalRandom.current().nextInt(peers.size()));
        send(peer, "\"type\":\"gossip\",\"known\":" + known);
    }

    private static void send(String dest, String body) {
        System.out.print("{\"src\":\"" + id + "\",\"dest\":\"" + dest + "\",\"body\":{" + body + "}}\n");
        System.out.flush();
    }

    private static String text(String line, String key) {
        Matcher matcher = Pattern.compile("\"" + key + "\": ?\"([^\"]*)\"").matcher(line);
        return matcher.find() ? matcher.group(1) : "";
    }

    private static long number(String line, String key) {
        Matcher matcher = Pattern.compile("\"" + key + "\": ?(\\d+)").matcher(line);
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }

    private static List<String> list(String line, String key) {
        Matcher matcher = Pattern.compile("\"" + key + "\": ?\\[([^\\]]*)\\]").matcher(line);
        List<String> elements = new ArrayList<>();
        if (matcher.find()) {
            for (String element : matcher.group(1).split(",")) if (!element.isBlank()) elements.add(element.trim());
        }
        return elements;
    }
}
