# Threads that race for a mutex and a queue, with time-outs, random numbers and hashes.
require "timeout"

start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
sleep 5
puts "slept #{(Process.clock_gettime(Process::CLOCK_MONOTONIC) - start).round(3)}"
order = []
mutex = Mutex.new
items = Queue.new
threads = 6.times.map do |name|
  Thread.new do
    20.times do
      mutex.synchronize { order << name }
      sleep rand / 1000 if rand < 0.3
      items << name
      order << (Timeout.timeout(0.001) { items.pop } rescue 99)
    end
  end
end
threads.each(&:join)
p order, "abc".hash, Random.new_seed
$stdin.each_line { |line| puts "got #{line}" }
