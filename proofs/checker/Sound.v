(** What an accepted certificate proves of a network.

    [numbering]     gives every unit of a graph its number in the certificate.
    [link_of id c p l e]   the link l of the certificate c is the connection e: the numbers of its tail and head, and an
                    enclosure of its amplitude under L_p.
    [describes id c p g]   the certificate c speaks of the graph g: its links are the connections of g, one for one in
                    their order; exactly the units that are not free have the number 0; different free units have
                    different numbers, and these are numbers of the certificate.
    [checked]       the theorem: the minimizing point exists and is unique, its scales are bounded, and the costs, so the
                    weights. *)
From Coq Require Import ZArith NArith Reals Psatz List Bool FMapPositive Lia Lra.
From synbal Require Import Sums Graph Regularizer Comparison Convexity Between Checker.
Import ListNotations.
Open Scope R_scope.

Definition numbering := nat -> N.

Record link_of (id : numbering) (c : certificate) (p : R) (l : link) (e : connection) : Prop := {
  link_tail : from l = id (tail e);
  link_head : to l = id (head e);
  link_amplitude :
    IZR (amplitude_low l) <= amplitude p e * IZR (amplitude_one c) <= IZR (amplitude_high l) }.

Record describes (id : numbering) (c : certificate) (p : R) (g : graph) : Prop := {
  ground_is_zero : forall i, free g i = false -> id i = 0%N;
  free_is_listed : forall i, free g i = true ->
    exists n, (n < length (unit_bounds c))%nat /\ id i = N.of_nat (S n);
  injective : forall i j, free g i = true -> free g j = true -> id i = id j -> i = j;
  links_are_connections : Forall2 (link_of id c p) (links c) (connections g) }.

(** ** Tables *)
Lemma reversed_size n : forall a, (Pos.size_nat a <= Pos.size_nat (reversed n a))%nat.
Proof. induction n as [n IH|n IH|]; simpl; intro a; auto; pose proof (IH (xI a)); pose proof (IH (xO a)); simpl in *; lia. Qed.

Lemma reversed_injective n : forall m a b, Pos.size_nat a = Pos.size_nat b -> reversed n a = reversed m b ->
  n = m /\ a = b.
Proof.
  assert (Z : forall m a b d, Pos.size_nat a = Pos.size_nat b -> Pos.size_nat d = S (Pos.size_nat b) -> a <> reversed m d).
  { intros m a b d E S ->. pose proof (reversed_size m d). lia. }
  induction n as [n IH|n IH|]; intros [m|m|] a b E H; simpl in H;
    try (apply IH in H; [|simpl; congruence]; destruct H as [-> H]; now inversion H);
    try (exfalso; eapply Z; [| |exact H]; simpl; eauto);
    try (exfalso; eapply Z; [| |symmetry; exact H]; simpl; eauto).
  auto.
Qed.

Lemma lookup_insert_same {T} n (v : T) m : lookup n (insert n v m) = Some v.
Proof. apply PositiveMap.gss. Qed.

Lemma lookup_insert_other {T} n k (v : T) m : n <> k -> lookup n (insert k v m) = lookup n m.
Proof. intro D. apply PositiveMap.gso. intro E. apply D. now apply reversed_injective in E. Qed.

Lemma load_before one bounds : forall n m k, (k < n)%positive ->
  lookup k (load one bounds n m) = lookup k m.
Proof.
  induction bounds as [|b l IH]; simpl; intros n m k L; auto.
  rewrite IH by lia. apply lookup_insert_other. lia.
Qed.

Lemma load_nth one bounds : forall j n m b, nth_error bounds n = Some b ->
  lookup (Pos.of_succ_nat (j + n)) (load one bounds (Pos.of_succ_nat j) m) = Some (scale_between one b).
Proof.
  induction bounds as [|a l IH]; intros j [|n] m b E; simpl in *; try discriminate.
  - inversion E; subst. rewrite Nat.add_0_r, load_before by lia. apply lookup_insert_same.
  - rewrite <- plus_n_Sm. exact (IH (S j) n _ b E).
Qed.

Lemma units_hold_nth one i o bounds : forall j n b, nth_error bounds n = Some b ->
  units_hold one i o bounds (Pos.of_succ_nat j) = true ->
  let k := Pos.of_succ_nat (j + n) in
  (0 < fst b /\ fst b <= snd b)%Z /\ too_low one (fst b) (entry i k) (entry o k) = true /\
  too_high one (snd b) (entry i k) (entry o k) = true.
Proof.
  induction bounds as [|a l IH]; intros j [|n] b E H; simpl in E, H; try discriminate;
    rewrite !andb_true_iff, Z.ltb_lt, Z.leb_le in H; destruct H as [[[[P Q] L] U] R].
  - inversion E; subst. rewrite Nat.add_0_r. tauto.
  - rewrite <- plus_n_Sm. exact (IH (S j) n b E R).
Qed.

Fixpoint links_sum (key : link -> N) (value : link -> Z) (n : positive) ls : Z :=
  match ls with
  | [] => 0
  | l :: ls => (if N.eqb (key l) (Npos n) then value l else 0) + links_sum key value n ls
  end%Z.

Lemma accumulate_sum key value ls n : forall m,
  entry (accumulate key value ls m) n =
  plus (entry m n) (links_sum key (fun l => fst (value l)) n ls, links_sum key (fun l => snd (value l)) n ls).
Proof.
  unfold plus. induction ls as [|l ls IH]; simpl; intro m.
  - destruct (entry m n). simpl. f_equal; lia.
  - rewrite IH. destruct (key l) as [|k]; simpl; [f_equal; lia|]. destruct (Pos.eqb_spec k n) as [->|D].
    + unfold entry at 1 3. rewrite lookup_insert_same. unfold plus. simpl. f_equal; lia.
    + unfold entry at 1 3. rewrite lookup_insert_other by congruence. unfold entry. f_equal; lia.
Qed.

(** ** From integers to real numbers *)
Lemma quotient_down_le d s : (0 < s)%Z -> IZR (quotient_down d s) <= IZR d * IZR d / IZR s.
Proof.
  intro P. unfold quotient_down. assert (0 < IZR s) by now apply IZR_lt.
  apply (Rmult_le_reg_r (IZR s)); [auto|]. unfold Rdiv. rewrite (Rmult_assoc _ (/ _)), Rinv_l, Rmult_1_r by lra.
  rewrite <- !mult_IZR. apply IZR_le. rewrite Z.mul_comm. now apply Z.mul_div_le.
Qed.

Lemma quotient_up_ge d s : (0 < s)%Z -> IZR d * IZR d / IZR s <= IZR (quotient_up d s).
Proof.
  intro P. unfold quotient_up. assert (0 < IZR s) by now apply IZR_lt.
  apply (Rmult_le_reg_r (IZR s)); [auto|]. unfold Rdiv. rewrite (Rmult_assoc _ (/ _)), Rinv_l, Rmult_1_r by lra.
  rewrite <- !mult_IZR. apply IZR_le. pose proof (Z.mul_div_le (- (d * d)) s P). lia.
Qed.

Lemma links_sum_le (R2 : link -> connection -> Prop) key endpoint value f i n ls es :
  Forall2 R2 ls es ->
  (forall l e, In l ls -> In e es -> R2 l e -> (key l = Npos n <-> endpoint e = i) /\ IZR (value l) <= f e) ->
  IZR (links_sum key value n ls) <= sum (fun e => if Nat.eqb (endpoint e) i then f e else 0) es.
Proof.
  induction 1 as [|l e ls es L F IH]; simpl; intro H; [lra|]. rewrite plus_IZR.
  apply Rplus_le_compat; [|apply IH; intros; apply H; auto].
  destruct (H l e) as [K V]; auto.
  destruct (N.eqb_spec (key l) (Npos n)), (Nat.eqb_spec (endpoint e) i); try tauto; lra.
Qed.

Lemma links_sum_ge (R2 : link -> connection -> Prop) key endpoint value f i n ls es :
  Forall2 R2 ls es ->
  (forall l e, In l ls -> In e es -> R2 l e -> (key l = Npos n <-> endpoint e = i) /\ f e <= IZR (value l)) ->
  sum (fun e => if Nat.eqb (endpoint e) i then f e else 0) es <= IZR (links_sum key value n ls).
Proof.
  induction 1 as [|l e ls es L F IH]; simpl; intro H; [lra|]. rewrite plus_IZR.
  apply Rplus_le_compat; [|apply IH; intros; apply H; auto].
  destruct (H l e) as [K V]; auto.
  destruct (N.eqb_spec (key l) (Npos n)), (Nat.eqb_spec (endpoint e) i); try tauto; lra.
Qed.

(** The scale of a point: exp(p x) *)
Definition scale (p : R) (x : point) i := exp (p * x i).

(** The point whose scales are given *)
Definition point_of (p : R) (v : nat -> R) : point := fun i => ln (v i) / p.

Lemma scale_point_of (p : posreal) v i : 0 < v i -> scale p (point_of p v) i = v i.
Proof.
  intro P. unfold scale, point_of. pose proof (cond_pos p).
  replace (p * (ln (v i) / p)) with (ln (v i)) by (field; lra). now apply exp_ln.
Qed.

Lemma scale_pos p x i : 0 < scale p x i.
Proof. apply exp_pos. Qed.

Lemma scale_exponent (p : R) g x e : linear_degree g ->
  exp (p * exponent g x e) = scale p x (head e) / scale p x (tail e).
Proof.
  intro D. unfold scale, exponent, Rdiv. rewrite D, <- exp_Ropp, <- exp_plus. f_equal. ring.
Qed.

(** The residual in terms of scales: p (s_i sum_in a / s_tail - (sum_out a s_head) / s_i) *)
Lemma residual_scales (p : posreal) g x i : linear_degree g ->
  residual g (power p) x i =
  p * (scale p x i * sum (fun e => if Nat.eqb (head e) i then amplitude p e / scale p x (tail e) else 0) (connections g)
       - / scale p x i * sum (fun e => if Nat.eqb (tail e) i then amplitude p e * scale p x (head e) else 0) (connections g)).
Proof.
  intro D. unfold residual, divergence, into, out_of. rewrite D, Rmult_1_l, Rmult_minus_distr_l.
  rewrite <- !sum_scale. f_equal; apply sum_ext; intros e _; simpl; unfold power_slope; rewrite scale_exponent by auto.
  - destruct (Nat.eqb_spec (head e) i) as [->|]; [|ring]. field. apply Rgt_not_eq, scale_pos.
  - destruct (Nat.eqb_spec (tail e) i) as [->|]; [|ring]. field. apply Rgt_not_eq, scale_pos.
Qed.

(** ** The two tests *)
Lemma high_test (p A D si hi In' Out into' out' : R) : 0 < p -> 0 < A -> 0 < D -> 0 < si -> hi = si * D ->
  D * D * Out < hi * hi * In' -> In' <= A * D * into' -> A * D * out' <= Out ->
  0 < p * (si * into' - / si * out').
Proof.
  intros P PA PD S -> T I O. apply Rmult_lt_0_compat; auto.
  assert (L : D * D * (A * D * out') < (si * D) * (si * D) * (A * D * into')).
  { apply Rle_lt_trans with (D * D * Out); [apply Rmult_le_compat_l; nra|].
    eapply Rlt_le_trans; [exact T|]. apply Rmult_le_compat_l; [|auto]. pose proof (Rmult_lt_0_compat _ _ S PD). nra. }
  assert (Q : 0 < D * D * D * A) by (repeat apply Rmult_lt_0_compat; auto).
  assert (K : out' < si * si * into') by (apply (Rmult_lt_reg_l (D * D * D * A)); [auto|nra]).
  apply (Rmult_lt_reg_l si); [auto|]. rewrite Rmult_0_r, Rmult_minus_distr_l.
  replace (si * (/ si * out')) with out' by (field; lra). nra.
Qed.

Lemma low_test (p A D si lo In' Out into' out' : R) : 0 < p -> 0 < A -> 0 < D -> 0 < si -> lo = si * D ->
  lo * lo * In' < D * D * Out -> A * D * into' <= In' -> Out <= A * D * out' ->
  p * (si * into' - / si * out') < 0.
Proof.
  intros P PA PD S -> T I O.
  assert (L : (si * D) * (si * D) * (A * D * into') < D * D * (A * D * out')).
  { apply Rlt_le_trans with (D * D * Out); [|apply Rmult_le_compat_l; nra].
    eapply Rle_lt_trans; [|exact T]. apply Rmult_le_compat_l; [|auto]. pose proof (Rmult_lt_0_compat _ _ S PD). nra. }
  assert (Q : 0 < D * D * D * A) by (repeat apply Rmult_lt_0_compat; auto).
  assert (K : si * si * into' < out') by (apply (Rmult_lt_reg_l (D * D * D * A)); [auto|nra]).
  assert (0 < si * (/ si * out' - si * into')).
  { rewrite Rmult_minus_distr_l. replace (si * (/ si * out')) with out' by (field; lra). nra. }
  assert (0 < / si * out' - si * into').
  { apply (Rmult_lt_reg_l si); auto. now rewrite Rmult_0_r. }
  pose proof (Rmult_lt_0_compat p (/ si * out' - si * into') P ltac:(auto)). nra.
Qed.

(** ** The theorem *)
Section Accepted.
Variables (id : numbering) (c : certificate) (p : posreal) (g : graph).
Hypotheses (accepted : check c = true) (described : describes id c p g) (linear : linear_degree g).

Let D := scale_one c.
Let ground := scale_between D (D, D).
Let scales := load D (unit_bounds c) 1 (PositiveMap.empty enclosed).

Lemma accepted_parts : (0 < amplitude_one c)%Z /\ (0 < D)%Z /\
  (forall l, In l (links c) -> link_holds ground scales l = true) /\
  (forall n b, nth_error (unit_bounds c) n = Some b ->
    let k := Pos.of_succ_nat n in
    (0 < fst b /\ fst b <= snd b) /\
    fst b * fst b * links_sum to (fun l => fst (entering ground scales l)) k (links c)
      < D * D * links_sum from (fun l => fst (leaving ground scales l)) k (links c) /\
    D * D * links_sum from (fun l => snd (leaving ground scales l)) k (links c)
      < snd b * snd b * links_sum to (fun l => snd (entering ground scales l)) k (links c))%Z.
Proof.
  unfold check in accepted. fold D in accepted. fold ground scales in accepted.
  rewrite !andb_true_iff in accepted. destruct accepted as [[[A O] L] T].
  split; [now apply Z.ltb_lt|]. split; [now apply Z.ltb_lt|]. split; [now apply forallb_forall|].
  intros n b H. destruct (units_hold_nth _ _ _ _ 0 n b H T) as [B [Low High]]. simpl Nat.add in Low, High.
  split; [exact B|]. unfold too_low, too_high in Low, High. rewrite !accumulate_sum in Low, High.
  unfold entry, plus, lookup in Low, High. rewrite PositiveMap.gempty in Low, High. simpl in Low, High.
  now rewrite Z.ltb_lt in Low, High.
Qed.

Lemma amplitude_one_pos : (0 < amplitude_one c)%Z.
Proof. apply accepted_parts. Qed.

Lemma listed_found i n b : id i = N.of_nat (S n) -> nth_error (unit_bounds c) n = Some b ->
  id i = Npos (Pos.of_succ_nat n) /\ lookup (Pos.of_succ_nat n) scales = Some (scale_between D b).
Proof. intros E H. split; [exact E|]. exact (load_nth D (unit_bounds c) 0 n _ b H). Qed.

(** A free unit has bounds, and its number leads to them. *)
Lemma free_found i : free g i = true -> exists n b, nth_error (unit_bounds c) n = Some b /\
  id i = Npos (Pos.of_succ_nat n) /\ lookup (Pos.of_succ_nat n) scales = Some (scale_between D b).
Proof.
  intro F. destruct (free_is_listed _ _ _ _ described i F) as [n [L E]].
  destruct (nth_error (unit_bounds c) n) as [b|] eqn:H; [|apply nth_error_None in H; lia].
  destruct (listed_found i n b E H). exists n, b. auto.
Qed.

Let low_at i := match scale_at ground scales (id i) with Some s => scale_low s | None => 0%Z end.
Let high_at i := match scale_at ground scales (id i) with Some s => scale_high s | None => 0%Z end.

Lemma known i : scale_at ground scales (id i) = Some (scale_between D (low_at i, high_at i)).
Proof.
  unfold low_at, high_at. destruct (free g i) eqn:F.
  - destruct (free_found i F) as [n [b [_ [-> E]]]]. simpl. rewrite E. reflexivity.
  - rewrite (ground_is_zero _ _ _ _ described) by auto. reflexivity.
Qed.

Lemma bounds_at i : (0 < low_at i /\ low_at i <= high_at i)%Z.
Proof.
  destruct accepted_parts as [_ [O [_ B]]]. unfold low_at, high_at. destruct (free g i) eqn:F.
  - destruct (free_found i F) as [n [b [N [-> E]]]]. simpl. rewrite E. now apply B in N.
  - rewrite (ground_is_zero _ _ _ _ described) by auto. simpl. lia.
Qed.

(** What a link adds to the sums, by the units at its ends *)
Lemma entering_is l e : link_of id c p l e -> entering ground scales l =
  (amplitude_high l * quotient_up D (low_at (tail e)), amplitude_low l * quotient_down D (high_at (tail e)))%Z.
Proof. intros [E _ _]. unfold entering. now rewrite E, known. Qed.

Lemma leaving_is l e : link_of id c p l e -> leaving ground scales l =
  (amplitude_low l * low_at (head e), amplitude_high l * high_at (head e))%Z.
Proof. intros [_ E _]. unfold leaving. now rewrite E, known. Qed.

Lemma link_tests l e : In l (links c) -> link_of id c p l e ->
  (0 < amplitude_low l /\ amplitude_low l <= amplitude_high l /\
  cost_low l * high_at (tail e) <= amplitude_low l * low_at (head e) /\
  amplitude_high l * high_at (head e) <= cost_high l * low_at (tail e))%Z.
Proof.
  intros I [T H _]. destruct accepted_parts as [_ [_ [L _]]]. specialize (L l I). unfold link_holds in L.
  rewrite T, H, !known in L. simpl in L. rewrite !andb_true_iff, Z.ltb_lt, !Z.leb_le in L. tauto.
Qed.

Let lo := point_of p (fun i => IZR (low_at i) / IZR D).
Let hi := point_of p (fun i => IZR (high_at i) / IZR D).

Lemma D_pos : 0 < IZR D.
Proof. apply IZR_lt, accepted_parts. Qed.

Lemma A_pos : 0 < IZR (amplitude_one c).
Proof. apply IZR_lt, amplitude_one_pos. Qed.

Lemma low_pos i : 0 < IZR (low_at i).
Proof. apply IZR_lt, bounds_at. Qed.

Lemma high_pos i : 0 < IZR (high_at i).
Proof. apply IZR_lt. pose proof (bounds_at i). lia. Qed.

Lemma scale_lo i : scale p lo i = IZR (low_at i) / IZR D.
Proof. apply (scale_point_of p (fun i => IZR (low_at i) / IZR D)). apply Rdiv_lt_0_compat; [apply low_pos|apply D_pos]. Qed.

Lemma scale_hi i : scale p hi i = IZR (high_at i) / IZR D.
Proof. apply (scale_point_of p (fun i => IZR (high_at i) / IZR D)). apply Rdiv_lt_0_compat; [apply high_pos|apply D_pos]. Qed.

Lemma lo_grounded : grounded g lo.
Proof.
  intros i F. unfold lo, point_of, low_at. rewrite (ground_is_zero _ _ _ _ described) by auto. simpl.
  pose proof D_pos. unfold Rdiv at 2. rewrite Rinv_r, ln_1 by lra. unfold Rdiv. apply Rmult_0_l.
Qed.

Lemma hi_grounded : grounded g hi.
Proof.
  intros i F. unfold hi, point_of, high_at. rewrite (ground_is_zero _ _ _ _ described) by auto. simpl.
  pose proof D_pos. unfold Rdiv at 2. rewrite Rinv_r, ln_1 by lra. unfold Rdiv. apply Rmult_0_l.
Qed.

Lemma same_number i j n : free g i = true -> id i = Npos n -> id j = Npos n -> j = i.
Proof.
  intros F E K. apply (injective _ _ _ _ described); auto; [|congruence].
  destruct (free g j) eqn:G; auto. rewrite (ground_is_zero _ _ _ _ described) in K by auto. discriminate.
Qed.

Lemma key_iff i j n : free g i = true -> id i = Npos n -> id j = Npos n <-> j = i.
Proof. intros F E. split; [intro; now apply same_number with n|congruence]. Qed.

Lemma amplitude_low_nonneg l e : In l (links c) -> link_of id c p l e ->
  0 <= IZR (amplitude_low l) /\ 0 <= IZR (amplitude_high l).
Proof. intros I O. destruct (link_tests l e I O) as [P [Q _]]. split; apply IZR_le; lia. Qed.

(** lo is too low, hi is too high. *)
Lemma lo_strict i : free g i = true -> residual g (power p) lo i < 0.
Proof.
  intro F. destruct (free_found i F) as [n [b [At [E H]]]]. rewrite residual_scales by auto.
  destruct accepted_parts as [_ [_ [_ T]]]. specialize (T n b At). apply proj2, proj1, IZR_lt in T. rewrite !mult_IZR in T.
  pose proof D_pos as PD. pose proof A_pos as PA.
  assert (EL : IZR (fst b) = scale p lo i * IZR D).
  { rewrite scale_lo. unfold low_at. rewrite E. simpl. rewrite H. simpl. field. lra. }
  eapply low_test; try exact T; try exact PA; try exact PD; auto using cond_pos, scale_pos.
  - rewrite <- sum_scale. rewrite (sum_ext _ (fun e => if Nat.eqb (head e) i then
      IZR (amplitude_one c) * IZR D * (amplitude p e / scale p lo (tail e)) else 0))
      by (intros; destruct Nat.eqb; ring).
    apply (links_sum_ge _ to head _ _ _ _ _ _ (links_are_connections _ _ _ _ described)).
    intros l e Il Ie O. rewrite (entering_is l e O). destruct O as [Et Eh Ea]. rewrite Eh. split; [now apply key_iff|].
    simpl. rewrite mult_IZR, scale_lo.
    pose proof (low_pos (tail e)) as P. pose proof (quotient_up_ge D (low_at (tail e)) ltac:(apply bounds_at)) as Q.
    replace (IZR (amplitude_one c) * IZR D * (amplitude p e / (IZR (low_at (tail e)) / IZR D)))
      with ((amplitude p e * IZR (amplitude_one c)) * (IZR D * IZR D / IZR (low_at (tail e)))) by (field; lra).
    pose proof (Rmult_lt_0_compat _ _ (amplitude_pos p e) PA).
    pose proof (Rdiv_lt_0_compat _ _ (Rmult_lt_0_compat _ _ PD PD) P).
    apply Rmult_le_compat; lra.
  - rewrite <- sum_scale. rewrite (sum_ext _ (fun e => if Nat.eqb (tail e) i then
      IZR (amplitude_one c) * IZR D * (amplitude p e * scale p lo (head e)) else 0))
      by (intros; destruct Nat.eqb; ring).
    apply (links_sum_le _ from tail _ _ _ _ _ _ (links_are_connections _ _ _ _ described)).
    intros l e Il Ie O. rewrite (leaving_is l e O). destruct O as [Et Eh Ea]. rewrite Et. split; [now apply key_iff|].
    simpl. rewrite mult_IZR, scale_lo.
    pose proof (low_pos (head e)) as P.
    replace (IZR (amplitude_one c) * IZR D * (amplitude p e * (IZR (low_at (head e)) / IZR D)))
      with ((amplitude p e * IZR (amplitude_one c)) * IZR (low_at (head e))) by (field; lra).
    apply Rmult_le_compat_r; lra.
Qed.

Lemma hi_strict i : free g i = true -> 0 < residual g (power p) hi i.
Proof.
  intro F. destruct (free_found i F) as [n [b [At [E H]]]]. rewrite residual_scales by auto.
  destruct accepted_parts as [_ [_ [_ T]]]. specialize (T n b At). apply proj2, proj2, IZR_lt in T. rewrite !mult_IZR in T.
  pose proof D_pos as PD. pose proof A_pos as PA.
  assert (EL : IZR (snd b) = scale p hi i * IZR D).
  { rewrite scale_hi. unfold high_at. rewrite E. simpl. rewrite H. simpl. field. lra. }
  eapply high_test; try exact T; try exact PA; try exact PD; auto using cond_pos, scale_pos.
  - rewrite <- sum_scale. rewrite (sum_ext _ (fun e => if Nat.eqb (head e) i then
      IZR (amplitude_one c) * IZR D * (amplitude p e / scale p hi (tail e)) else 0))
      by (intros; destruct Nat.eqb; ring).
    apply (links_sum_le _ to head _ _ _ _ _ _ (links_are_connections _ _ _ _ described)).
    intros l e Il Ie O. rewrite (entering_is l e O). pose proof (amplitude_low_nonneg l e Il O) as N.
    destruct O as [Et Eh Ea]. rewrite Eh. split; [now apply key_iff|].
    simpl. rewrite mult_IZR, scale_hi.
    pose proof (high_pos (tail e)) as P.
    pose proof (quotient_down_le D (high_at (tail e)) ltac:(pose proof (bounds_at (tail e)); lia)) as Q.
    replace (IZR (amplitude_one c) * IZR D * (amplitude p e / (IZR (high_at (tail e)) / IZR D)))
      with ((amplitude p e * IZR (amplitude_one c)) * (IZR D * IZR D / IZR (high_at (tail e)))) by (field; lra).
    pose proof (Rdiv_lt_0_compat _ _ (Rmult_lt_0_compat _ _ PD PD) P).
    apply Rle_trans with (IZR (amplitude_low l) * (IZR D * IZR D / IZR (high_at (tail e)))).
    + apply Rmult_le_compat_l; lra.
    + apply Rmult_le_compat_r; lra.
  - rewrite <- sum_scale. rewrite (sum_ext _ (fun e => if Nat.eqb (tail e) i then
      IZR (amplitude_one c) * IZR D * (amplitude p e * scale p hi (head e)) else 0))
      by (intros; destruct Nat.eqb; ring).
    apply (links_sum_ge _ from tail _ _ _ _ _ _ (links_are_connections _ _ _ _ described)).
    intros l e Il Ie O. rewrite (leaving_is l e O). destruct O as [Et Eh Ea]. rewrite Et. split; [now apply key_iff|].
    simpl. rewrite mult_IZR, scale_hi.
    pose proof (high_pos (head e)) as P.
    replace (IZR (amplitude_one c) * IZR D * (amplitude p e * (IZR (high_at (head e)) / IZR D)))
      with ((amplitude p e * IZR (amplitude_one c)) * IZR (high_at (head e))) by (field; lra).
    apply Rmult_le_compat_r; lra.
Qed.

Section Balanced.
Variable x : point.
Hypotheses (x_grounded : grounded g x) (x_balanced : balanced g (power p) x).

Lemma between i : IZR (low_at i) / IZR D <= scale p x i <= IZR (high_at i) / IZR D.
Proof.
  rewrite <- scale_lo, <- scale_hi. pose proof (cond_pos p).
  assert (L : lo i <= x i).
  { apply (comparison_separated g (power p)); auto using lo_grounded.
    intros j F. rewrite x_balanced by auto. now apply lo_strict. }
  assert (H' : x i <= hi i).
  { apply (comparison_separated g (power p)); auto using hi_grounded.
    intros j F. rewrite x_balanced by auto. now apply hi_strict. }
  unfold scale. split.
  - destruct L as [L| ->]; [left; apply exp_increasing; nra|lra].
  - destruct H' as [L'| ->]; [left; apply exp_increasing; nra|lra].
Qed.

Lemma cost_between l e : In l (links c) -> link_of id c p l e ->
  IZR (cost_low l) / IZR (amplitude_one c) <= penalty e * Rpower (Rabs (rescaled_weight g x e)) p
    <= IZR (cost_high l) / IZR (amplitude_one c).
Proof.
  intros Il O. destruct (link_tests l e Il O) as [_ [La [Lc Hc]]].
  pose proof (amplitude_low_nonneg l e Il O) as [N1 N2]. destruct O as [Et Eh Ea]. pose proof D_pos as PD. pose proof A_pos as PA.
  change (penalty e * Rpower (Rabs (rescaled_weight g x e)) p) with (power_cost p e (exponent g x e)).
  rewrite power_cost_exp, scale_exponent by auto.
  apply IZR_le in Lc. apply IZR_le in Hc. rewrite !mult_IZR in Lc, Hc.
  pose proof (between (head e)) as [Bh1 Bh2]. pose proof (between (tail e)) as [Bt1 Bt2].
  pose proof (low_pos (head e)). pose proof (high_pos (tail e)). pose proof (low_pos (tail e)). pose proof (high_pos (head e)).
  pose proof (scale_pos p x (head e)) as Sh. pose proof (scale_pos p x (tail e)) as St.
  pose proof (amplitude_pos p e) as Pa.
  set (sh := scale p x (head e)) in *. set (st := scale p x (tail e)) in *. set (a := amplitude p e) in *.
  set (A := IZR (amplitude_one c)) in *. set (d := IZR D) in *.
  assert (Bh1' : IZR (low_at (head e)) <= sh * d).
  { apply (Rmult_le_compat_r d) in Bh1; [|lra]. replace (IZR (low_at (head e)) / d * d) with (IZR (low_at (head e))) in Bh1 by (field; lra). auto. }
  assert (Bh2' : sh * d <= IZR (high_at (head e))).
  { apply (Rmult_le_compat_r d) in Bh2; [|lra]. replace (IZR (high_at (head e)) / d * d) with (IZR (high_at (head e))) in Bh2 by (field; lra). auto. }
  assert (Bt1' : IZR (low_at (tail e)) <= st * d).
  { apply (Rmult_le_compat_r d) in Bt1; [|lra]. replace (IZR (low_at (tail e)) / d * d) with (IZR (low_at (tail e))) in Bt1 by (field; lra). auto. }
  assert (Bt2' : st * d <= IZR (high_at (tail e))).
  { apply (Rmult_le_compat_r d) in Bt2; [|lra]. replace (IZR (high_at (tail e)) / d * d) with (IZR (high_at (tail e))) in Bt2 by (field; lra). auto. }
  split.
  - (* cost_low high <= amplitude_low low *)
    apply (Rmult_le_reg_r (A * st * IZR (high_at (tail e)))); [repeat apply Rmult_lt_0_compat; auto|].
    replace (IZR (cost_low l) / A * (A * st * IZR (high_at (tail e)))) with (st * (IZR (cost_low l) * IZR (high_at (tail e)))) by (field; lra).
    replace (a * (sh / st) * (A * st * IZR (high_at (tail e)))) with ((a * A) * (sh * IZR (high_at (tail e)))) by (field; lra).
    apply Rle_trans with (st * (IZR (amplitude_low l) * IZR (low_at (head e)))); [apply Rmult_le_compat_l; lra|].
    apply Rle_trans with (IZR (amplitude_low l) * (sh * IZR (high_at (tail e)))); [|apply Rmult_le_compat_r; [nra|lra]].
    replace (st * (IZR (amplitude_low l) * IZR (low_at (head e)))) with (IZR (amplitude_low l) * (st * IZR (low_at (head e)))) by ring.
    apply Rmult_le_compat_l; auto.
    apply Rle_trans with (st * (sh * d)); [apply Rmult_le_compat_l; lra|].
    replace (st * (sh * d)) with (sh * (st * d)) by ring. apply Rmult_le_compat_l; lra.
  - apply (Rmult_le_reg_r (A * st * IZR (low_at (tail e)))); [repeat apply Rmult_lt_0_compat; auto|].
    replace (IZR (cost_high l) / A * (A * st * IZR (low_at (tail e)))) with (st * (IZR (cost_high l) * IZR (low_at (tail e)))) by (field; lra).
    replace (a * (sh / st) * (A * st * IZR (low_at (tail e)))) with ((a * A) * (sh * IZR (low_at (tail e)))) by (field; lra).
    apply Rle_trans with (st * (IZR (amplitude_high l) * IZR (high_at (head e)))); [|apply Rmult_le_compat_l; lra].
    apply Rle_trans with (IZR (amplitude_high l) * (sh * IZR (low_at (tail e)))); [apply Rmult_le_compat_r; [nra|lra]|].
    replace (st * (IZR (amplitude_high l) * IZR (high_at (head e)))) with (IZR (amplitude_high l) * (st * IZR (high_at (head e)))) by ring.
    apply Rmult_le_compat_l; auto.
    apply Rle_trans with (sh * (st * d)); [apply Rmult_le_compat_l; lra|].
    replace (sh * (st * d)) with (st * (sh * d)) by ring. apply Rmult_le_compat_l; lra.
Qed.
End Balanced.
End Accepted.

Lemma Forall2_members {S T} (P Q : S -> T -> Prop) ls es : (forall l e, In l ls -> P l e -> Q l e) ->
  Forall2 P ls es -> Forall2 Q ls es.
Proof.
  intros H F. induction F as [|l e ls es L F IH]; constructor.
  - apply H; simpl; auto.
  - apply IH. intros. apply H; simpl; auto.
Qed.

(** If the checker accepts a certificate, then in every network of degree 1 that it describes the minimum is attained, at
    one point x only, the balanced one; the scales at x lie within the certificate's bounds, and so do the costs of the
    weights. Nothing is supposed of the graph. *)
Theorem checked (c : certificate) (id : numbering) (p : posreal) (g : graph) :
  check c = true -> describes id c p g -> linear_degree g ->
  exists x, minimum g (power p) x /\ (forall y, minimum g (power p) y -> forall i, y i = x i) /\
  (forall i n lo hi, free g i = true -> id i = N.of_nat (S n) -> nth_error (unit_bounds c) n = Some (lo, hi) ->
    IZR lo / IZR (scale_one c) <= exp (p * x i) <= IZR hi / IZR (scale_one c)) /\
  Forall2 (fun l e =>
    IZR (cost_low l) / IZR (amplitude_one c) <= penalty e * Rpower (Rabs (rescaled_weight g x e)) p
      <= IZR (cost_high l) / IZR (amplitude_one c)) (links c) (connections g).
Proof.
  intros K S L.
  destruct (strict_enclosure g (power p) _ _ (lo_grounded id c p g K S) (hi_grounded id c p g K S)
    (lo_strict id c p g K S L) (hi_strict id c p g K S L)) as [x [M [_ U]]].
  exists x. split; [exact M|]. split; [exact U|].
  pose proof (proj1 M) as G. pose proof (minimum_is_balanced g (power p) x M) as B. split.
  - intros i n lo hi F E H. pose proof (between id c p g K S L x G B i) as W. unfold scale in W.
    destruct (listed_found id c i n (lo, hi) E H) as [E' H']. rewrite E' in W. simpl in W. rewrite H' in W. exact W.
  - apply (Forall2_members (link_of id c p)); [|apply S].
    intros l e I O. now apply (cost_between id c p g K S L x G B).
Qed.
