(* chain N M: prints the certificate of a chain of N units, ground -> 1 -> 2 -> ... -> N -> ground, each step of it M connections
   side by side. All amplitudes are 1, and so are all balanced scales and costs. The bounds of unit i are
   1 -+ 4 i (N + 1 - i) / 2^60: strictly convex and concave in i, so strictly too low and too high. For N up to 10^8. *)
let () =
  let n = int_of_string Sys.argv.(1) and m = int_of_string Sys.argv.(2) in
  let one = 1 lsl 60 and cost = 1 lsl 40 in
  let width = 1 lsl 30 in
  Printf.printf "%d %d %d %d\n" cost one n (m * (n + 1));
  for i = 1 to n do
    let d = 4 * i * (n + 1 - i) in
    Printf.printf "%d %d\n" (one - d) (one + d)
  done;
  for i = 0 to n do
    for _ = 1 to m do
      Printf.printf "%d %d %d %d %d %d\n" i (if i = n then 0 else i + 1) cost cost (cost - width) (cost + width)
    done
  done
