import java.util.*;
import java.util.concurrent.*;

/** A scheduled pool, a pool of workers that race, and what differs from run to run: hashes and random numbers. */
public class Race {
    public static void main(String[] arguments) throws Exception {
        long start = System.nanoTime();
        Thread.sleep(5000);
        System.out.println("slept " + (System.nanoTime() - start) / 1_000_000);

        var order = Collections.synchronizedList(new ArrayList<Integer>());
        var random = new Random();
        var scheduled = Executors.newScheduledThreadPool(4);
        var done = new CountDownLatch(60);
        for (int i = 0; i < 60; i++) {
            int name = i;
            scheduled.schedule(() -> { order.add(name); done.countDown(); }, random.nextInt(500), TimeUnit.MILLISECONDS);
        }
        done.await();
        scheduled.shutdown();

        var workers = Executors.newFixedThreadPool(6);
        for (int i = 0; i < 40; i++) {
            int name = i;
            workers.submit(() -> {
                order.add(name);
                try { Thread.sleep(random.nextInt(3)); } catch (InterruptedException e) { return; }
                order.add(1000 + name);
            });
        }
        workers.shutdown();
        workers.awaitTermination(10, TimeUnit.SECONDS);
        System.out.println(order + " " + new Object().hashCode());
        var lines = new Scanner(System.in);
        while (lines.hasNextLine()) System.out.println("got " + lines.nextLine());
    }
}
