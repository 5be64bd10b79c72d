(* synbal-check FILE: reads a certificate, runs the extracted checker, and says "accepted" (exit code 0), "rejected" (1)
   or "malformed" (2).

   A certificate file holds decimal integers, separated by blanks and line ends, and nothing else:
     amplitude_one scale_one number_of_units number_of_links
     for every free unit 1, 2, 3, ...: lo hi
     for every link: from to amplitude_low amplitude_high cost_low cost_high
   Checker.v says what they mean. *)
exception Malformed of string

let blank c = c = ' ' || c = '\n' || c = '\t' || c = '\r'
let digit c = '0' <= c && c <= '9'

let integer token =
  let digits = if token.[0] = '-' then String.sub token 1 (String.length token - 1) else token in
  if digits = "" || not (String.for_all digit digits) then raise (Malformed ("not an integer: " ^ token));
  Z.of_string token

(* The numbers of units as Coq writes them, least bit first; those of the certificate's units are made once. *)
let numbers units =
  let doubled more half = Certificate_checker.(if more then XI half else XO half) in
  let made = Array.make (units + 2) Certificate_checker.XH in
  for n = 2 to units + 1 do made.(n) <- doubled (n land 1 = 1) made.(n / 2) done;
  (* the first number beyond the units stands for all of them: no unit has it *)
  let beyond = Z.of_int (units + 1) in
  fun n -> if Z.sign n = 0 then Certificate_checker.N0 else Certificate_checker.Npos made.(Z.to_int (Z.min n beyond))

let () =
  let fail message = prerr_endline ("synbal-check: " ^ message); exit 2 in
  let file = match Sys.argv with [| _; file |] -> file | _ -> fail "usage: synbal-check FILE" in
  match
    let channel = open_in_bin file in
    let text = really_input_string channel (in_channel_length channel) in
    let position = ref 0 in
    let length = String.length text in
    let skip () = while !position < length && blank text.[!position] do incr position done in
    let next () =
      skip ();
      let start = !position in
      while !position < length && not (blank text.[!position]) do incr position done;
      if start = !position then raise (Malformed "too few integers");
      integer (String.sub text start (!position - start)) in
    let natural () =
      let n = next () in
      if Z.sign n < 0 then raise (Malformed ("negative: " ^ Z.to_string n)) else n in
    let count () =
      let n = natural () in
      if Z.fits_int n then Z.to_int n else raise (Malformed ("too large: " ^ Z.to_string n)) in
    let repeat n read =
      let rec go n members = if n = 0 then List.rev members else let member = read () in go (n - 1) (member :: members) in
      go n [] in
    let amplitude_one = next () in
    let scale_one = next () in
    let units = count () in
    let number_of_links = count () in
    let unit_bounds = repeat units (fun () -> let lo = next () in let hi = next () in (lo, hi)) in
    let number = numbers units in
    let links = repeat number_of_links (fun () ->
      let from = number (natural ()) in
      let to0 = number (natural ()) in
      let amplitude_low = next () in
      let amplitude_high = next () in
      let cost_low = next () in
      let cost_high = next () in
      { Certificate_checker.from; to0; amplitude_low; amplitude_high; cost_low; cost_high }) in
    skip ();
    if !position < length then raise (Malformed "too many integers");
    Certificate_checker.check { Certificate_checker.amplitude_one; scale_one; unit_bounds; links }
  with
  | true -> print_endline "accepted"
  | false -> print_endline "rejected"; exit 1
  | exception Malformed message -> fail message
  | exception Sys_error message -> fail message
